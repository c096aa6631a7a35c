"""Do the rules fire when they should, and only then? promtool runs them over made-up series, one trouble at a time.

Each case is a healthy hour with something changed, and names all alerts that fire at its end. So an alert that fires
for another's trouble shows, and so does one that no case makes fire. Counters that begin with their first event, as
those of labels nobody knew before do, are written with `_` for the time before.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.system import ROOT

FILE = ROOT / "deploy" / "prometheus" / "onesms.rules.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text("utf-8"))["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RUNBOOK = (ROOT / "deploy" / "runbook.md").read_text("utf-8")

MINUTES = 60
HOUR = f"x{MINUTES}"
GATEWAY, NOTIFIER, POLLERS = ('job="onesms-gateway",instance="g"', 'job="onesms-notifier",instance="n"',
                              'job="onesms-pollers",instance="p"')  # fmt: skip


def histogram(name: str, labels: str, bounds: str, fast: str) -> dict[str, str]:
    """A hundred observations a minute, all of them below the bound `fast`. bounds: separated by spaces."""
    found = {}
    reached = False
    for bound in [*bounds.split(), "+Inf"]:
        reached = reached or bound == fast
        found[f'{name}_bucket{{{labels},le="{bound}"}}'] = f"0+{100 if reached else 0}{HOUR}"
    return found


DELAYS, LAGS = "0.005 0.1 0.5 1 2.5 60", "0.005 0.1 0.5 1 60"
WAITS, ANSWERS, AGES = "0.001 0.1 0.5 30", "0.025 0.5 1 2.5 30", "3 30 60 1200"

HEALTHY: Mapping[str, str] = {
    **{f"up{{{process}}}": f"1{HOUR}" for process in (GATEWAY, NOTIFIER, POLLERS)},
    f"process_start_time_seconds{{{GATEWAY}}}": f"100{HOUR}",
    f"process_open_fds{{{GATEWAY}}}": f"100{HOUR}",
    f"process_max_fds{{{GATEWAY}}}": f"1000{HOUR}",
    f"onesms_database_reachable{{{GATEWAY}}}": f"1{HOUR}",
    f"onesms_database_reachable{{{POLLERS}}}": f"1{HOUR}",
    f"onesms_follower_leading{{{NOTIFIER}}}": f"1{HOUR}",
    f"onesms_follower_leading{{{GATEWAY}}}": f"0{HOUR}",
    f'onesms_refusals_total{{{GATEWAY},error_code="INTERNAL_ERROR"}}': f"0{HOUR}",
    f'onesms_jobs_failed_total{{{POLLERS},kind="activation"}}': f"0{HOUR}",
    f"onesms_bus_errors_total{{{NOTIFIER}}}": f"0{HOUR}",
    f"onesms_hub_events_healed_total{{{GATEWAY}}}": f"0+1{HOUR}",
    f'onesms_connections_closed_total{{{GATEWAY},code="slow_consumer"}}': f"0+1{HOUR}",
    f'onesms_orders_due_seconds{{{POLLERS},kind="activation",status="pending"}}': f"2{HOUR}",
    f'onesms_provider_circuit{{{POLLERS},provider="fivesim",state="closed"}}': f"1{HOUR}",
    f'onesms_provider_calls_total{{{POLLERS},provider="fivesim",outcome="ok"}}': f"0+9{HOUR}",
    f"onesms_wallets_critical{{{GATEWAY}}}": f"0{HOUR}",
    f"onesms_wallets_left{{{GATEWAY}}}": f"0{HOUR}",
    f'onesms_periodic_job_last_finished_timestamp_seconds{{{GATEWAY},name="check_wallets"}}': f"0+60{HOUR}",
    f'onesms_periodic_job_last_finished_timestamp_seconds{{{GATEWAY},name="tell_alerts"}}': f"0+60{HOUR}",
    f'onesms_alerts_open{{{GATEWAY},level="critical"}}': f"0{HOUR}",
    f"onesms_alerts_failed_total{{{GATEWAY}}}": f"1{HOUR}",
    f"onesms_card_balances_beyond{{{GATEWAY}}}": f"0{HOUR}",
    f"onesms_card_mismatches_left{{{GATEWAY}}}": f"0{HOUR}",
    f"onesms_card_reconciliation_open_seconds{{{GATEWAY}}}": f"0+60{HOUR}",
    f"onesms_card_webhooks_hour{{{GATEWAY}}}": f"100{HOUR}",
    f"onesms_card_webhooks_failed_hour{{{GATEWAY}}}": f"5{HOUR}",
    f"onesms_cards_blocked_beyond{{{GATEWAY}}}": f"0{HOUR}",
    f'onesms_provider_call_seconds_sum{{{POLLERS},provider="strowallet",method="card"}}': f"0+20{HOUR}",
    f'onesms_provider_call_seconds_count{{{POLLERS},provider="strowallet",method="card"}}': f"0+10{HOUR}",
    **histogram("onesms_delivery_delay_seconds", GATEWAY, DELAYS, "0.1"),
    **histogram("onesms_follower_lag_seconds", NOTIFIER, LAGS, "0.1"),
    **histogram("onesms_pool_wait_seconds", f'{GATEWAY},pool="gateway"', WAITS, "0.001"),
    **histogram("onesms_request_seconds", f'{GATEWAY},operation="wallet_show"', ANSWERS, "0.025"),
    **histogram("onesms_request_seconds", f'{GATEWAY},operation="activations_buy"', ANSWERS, "30"),
    **histogram("onesms_sms_seconds", f'{POLLERS},provider="fivesim"', AGES, "30"),
}

LATE = f"0x30 1x{MINUTES - 31}"
"""0 for half an hour, then 1."""
GONE = f"1x30 0x{MINUTES - 31}"

CASES: Mapping[str, tuple[Mapping[str, str | None], set[str]]] = {
    "nothing": ({}, set()),
    "one of two pollers": ({'up{job="onesms-pollers",instance="q"}': GONE}, {"OnesmsProcessDown"}),
    "the only pollers": ({f"up{{{POLLERS}}}": GONE}, {"OnesmsProcessDown", "OnesmsNoneOfAKind"}),
    "pollers nobody scrapes": ({f"up{{{POLLERS}}}": None}, {"OnesmsNoneOfAKind"}),
    "the only notifier, its figures gone": (
        {f"up{{{NOTIFIER}}}": GONE, f"onesms_follower_leading{{{NOTIFIER}}}": "1x30 stale"},
        {"OnesmsProcessDown", "OnesmsNoneOfAKind", "OnesmsNobodyLeads"},
    ),
    "nobody tells whether it leads": (
        {f"onesms_follower_leading{{{NOTIFIER}}}": None, f"onesms_follower_leading{{{GATEWAY}}}": None},
        {"OnesmsNobodyLeads"},
    ),
    "a gateway that dies again and again": (
        {f"process_start_time_seconds{{{GATEWAY}}}": f"1x50 2 3 3 4 5x{MINUTES}"}, {"OnesmsRestarting"}),
    "a restart": ({f"process_start_time_seconds{{{GATEWAY}}}": f"1x50 2x{MINUTES}"}, set()),
    "the pollers' database": ({f"onesms_database_reachable{{{POLLERS}}}": GONE}, {"OnesmsDatabaseUnreachable"}),
    "a full pool": (
        histogram("onesms_pool_wait_seconds", f'{GATEWAY},pool="gateway"', WAITS, "0.5"), {"OnesmsPoolExhausted"}),
    "many files": ({f"process_open_fds{{{GATEWAY}}}": f"900{HOUR}"}, {"OnesmsFilesRunOut"}),
    "one internal error lately": (
        {f'onesms_refusals_total{{{GATEWAY},error_code="INTERNAL_ERROR"}}': "0x57 1x9"}, {"OnesmsInternalErrors"}),
    "slow requests": (
        histogram("onesms_request_seconds", f'{GATEWAY},operation="wallet_show"', ANSWERS, "2.5"),
        {"OnesmsRequestsSlow"}),
    "work that breaks off": (
        {f'onesms_jobs_failed_total{{{POLLERS},kind="activation"}}': f"0+3{HOUR}"}, {"OnesmsJobsFailing"}),
    "slow delivery": (
        histogram("onesms_delivery_delay_seconds", GATEWAY, DELAYS, "2.5"), {"OnesmsDeliverySlow"}),
    "a follower that lags": (histogram("onesms_follower_lag_seconds", NOTIFIER, LAGS, "1"), {"OnesmsFollowerLags"}),
    "a bus that refuses": ({f"onesms_bus_errors_total{{{NOTIFIER}}}": f"0+3{HOUR}"}, {"OnesmsBusLoses"}),
    "a bus that loses": ({f"onesms_hub_events_healed_total{{{GATEWAY}}}": f"0+90{HOUR}"}, {"OnesmsBusLoses"}),
    "clients that do not read": (
        {f'onesms_connections_closed_total{{{GATEWAY},code="slow_consumer"}}': f"0+90{HOUR}"},
        {"OnesmsSlowConsumers"}),
    "orders that wait": (
        {f'onesms_orders_due_seconds{{{POLLERS},kind="activation",status="pending"}}': f"40{HOUR}"},
        {"OnesmsOrdersWait"}),
    "a provider that is asked now and then": (  # every few minutes half open, for a scrape
        {f'onesms_provider_circuit{{{POLLERS},provider="fivesim",state="closed"}}': f"0{HOUR}",
         f'onesms_provider_circuit{{{POLLERS},provider="fivesim",state="open"}}': "1 1 0 " * 20,
         f'onesms_provider_calls_total{{{POLLERS},provider="fivesim",outcome="ok"}}': f"9{HOUR}"},
        {"OnesmsProviderAway"}),
    "a provider that another process hears": (
        {f'onesms_provider_circuit{{{POLLERS},provider="fivesim",state="closed"}}': f"0{HOUR}"}, set()),
    "the first unknown answer there was": (
        {f'onesms_provider_unknown_answers_total{{{POLLERS},provider="fivesim",method="check"}}': "_x55 1x9"},
        {"OnesmsProviderUnknownAnswers"}),
    "one more": (
        {f'onesms_provider_unknown_answers_total{{{POLLERS},provider="fivesim",method="check"}}': "1x55 2x9"},
        {"OnesmsProviderUnknownAnswers"}),
    "an old one": (
        {f'onesms_provider_unknown_answers_total{{{POLLERS},provider="fivesim",method="check"}}': "_x20 1x50"}, set()),
    "SMS found late": (histogram("onesms_sms_seconds", f'{POLLERS},provider="fivesim"', AGES, "60"),
                       {"OnesmsSmsFoundLate"}),
    "an impossible wallet": ({f"onesms_wallets_critical{{{GATEWAY}}}": LATE}, {"OnesmsWalletsCritical"}),
    "a wallet left for half an hour": ({f"onesms_wallets_left{{{GATEWAY}}}": LATE}, set()),
    "critical alerts of its own": (
        {f'onesms_alerts_open{{{GATEWAY},level="critical"}}': LATE}, {"OnesmsAlertsOpen"}),
    "a channel that takes nothing": (
        {f"onesms_alerts_failed_total{{{GATEWAY}}}": f"1x50 2 3 4 5x{MINUTES}"}, {"OnesmsAlertsNotTold"}),
    "nobody tells": (
        {f'onesms_periodic_job_last_finished_timestamp_seconds{{{GATEWAY},name="tell_alerts"}}': f"0{HOUR}"},
        {"OnesmsAlertsNotTold"}),
    "a card whose balance is far from the provider's": (
        {f"onesms_card_balances_beyond{{{GATEWAY}}}": LATE}, {"OnesmsCardBalancesDiffer"}),
    "a card that differs and could not be set right": (
        {f"onesms_card_mismatches_left{{{GATEWAY}}}": LATE}, {"OnesmsCardMismatchesLeft"}),
    "a comparison of cards that does not end": (
        {f"onesms_card_reconciliation_open_seconds{{{GATEWAY}}}": f"20000+60{HOUR}"}, {"OnesmsCardReconciliationLate"}),
    "webhooks that fail": ({f"onesms_card_webhooks_failed_hour{{{GATEWAY}}}": f"6{HOUR}"}, {"OnesmsCardWebhooksFail"}),
    "a few webhooks, and all of them fail": (
        {f"onesms_card_webhooks_failed_hour{{{GATEWAY}}}": f"19{HOUR}",
         f"onesms_card_webhooks_hour{{{GATEWAY}}}": f"19{HOUR}"}, set()),
    "many blocked cards": ({f"onesms_cards_blocked_beyond{{{GATEWAY}}}": LATE}, {"OnesmsCardsBlocked"}),
    "a provider that answers slowly": (
        {f'onesms_provider_call_seconds_sum{{{POLLERS},provider="strowallet",method="card"}}': f"0+21{HOUR}"},
        {"OnesmsProviderSlow"}),
    "a provider that nobody asks any more": (
        {f'onesms_provider_call_seconds_sum{{{POLLERS},provider="strowallet",method="card"}}': f"9{HOUR}",
         f'onesms_provider_call_seconds_count{{{POLLERS},provider="strowallet",method="card"}}': f"1{HOUR}"}, set()),
}  # fmt: skip
"""What is otherwise (None: not there), and what fires then."""

HOURS: Mapping[str, tuple[Mapping[str, str], set[str]]] = {
    "a wallet left": ({f"onesms_wallets_left{{{GATEWAY}}}": "1x200"}, {"OnesmsWalletsLeft"}),
    "no check of the wallets": (
        {f'onesms_periodic_job_last_finished_timestamp_seconds{{{GATEWAY},name="check_wallets"}}': "0x200"},
        {"OnesmsWalletCheckLate"},
    ),
}
"""The same for what takes hours: all else is healthy for so long, too."""


def fired(directory: Path, series: Mapping[str, str], minutes: int) -> set[str]:
    """The alerts that fire at the end, as promtool evaluates the rules."""
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    trial = {
        "rule_files": [str(FILE)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                # What it is not: so that promtool says what it is.
                "promql_expr_test": [{"expr": query, "eval_time": f"{minutes}m", "exp_samples": [{"labels": "wrong"}]}],
            }
        ],
    }
    (directory / "trial.yml").write_text(json.dumps(trial), "utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", directory / "trial.yml"], capture_output=True, text=True, check=False, timeout=60
    )
    assert "got:" in done.stderr + done.stdout, done.stderr + done.stdout
    return set(re.findall(r'alertname="(\w+)"', done.stderr + done.stdout))


needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@needs_promtool
@pytest.mark.parametrize("name", CASES)
def test_a_trouble_fires_its_alerts_and_no_other(name: str, tmp_path: Path) -> None:
    changed, expected = CASES[name]
    series = {series: values for series, values in {**HEALTHY, **changed}.items() if values is not None}
    assert fired(tmp_path, series, MINUTES) == expected


@needs_promtool
@pytest.mark.parametrize("name", HOURS)
def test_what_takes_hours_fires_then(name: str, tmp_path: Path) -> None:
    changed, expected = HOURS[name]
    healthy = {series: values.replace(HOUR, "x200") for series, values in HEALTHY.items()}
    assert fired(tmp_path, {**healthy, **changed}, 150) == expected


def test_every_alert_has_a_case() -> None:
    assert set[str]().union(*(expected for _, expected in (*CASES.values(), *HOURS.values()))) == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_leads_to_its_section_of_the_runbook(name: str) -> None:
    address = ALERTS[name]["annotations"]["runbook_url"]
    assert address == f"file:/opt/onesms/deploy/runbook.md#{name.lower()}"
    assert f"\n### {name}\n" in RUNBOOK


def test_the_runbook_has_no_section_of_an_alert_there_is_not() -> None:
    assert set(re.findall(r"^### (Onesms\w+)$", RUNBOOK, re.MULTILINE)) == ALERTS.keys()
