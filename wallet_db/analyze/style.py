"""How the page looks: one stylesheet, colours that differ for colour-blind eyes too, on light and on dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5d6670; --line: #dde2e7; --ground: #f6f7f9; --card: #fff;
  --received: #159a6f; --cancelled: #e0a100; --timeout: #d55e00; --expired: #b764a0; --failed: #7b8490;
  --refunded: #c9a27a; --open: #4aa3df; --critical: #c62828; --warning: #b26a00; --note: #3a6ea5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #323a43; --ground: #14181c;
  --card: #1d2329; --received: #2bb88a; --cancelled: #e6b333; --timeout: #e87b35; --expired: #cf86bb; --failed: #8b95a1;
  --refunded: #d9b48d; --open: #63b4ea; --critical: #ff7b72; --warning: #e3a548; --note: #7fb2e5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 16px; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .2em 0; } h2 { font-size: 1.05rem; margin: 0 0 .6em; }
header p, small, figcaption, dt { color: var(--soft); } header p, p { margin: 0 0 .6em; }
section, figure, .cards > div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px; margin: 0 0 14px; min-width: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 14px 0; }
.cards > div { margin: 0; display: flex; flex-direction: column-reverse;
  justify-content: flex-end; }
dd { margin: 0; font-size: 1.45rem; font-weight: 650; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dt { font-size: .85rem; }
.bar { display: flex; height: 18px; border-radius: 5px; overflow: hidden; background: var(--line); gap: 1px; }
.bar span { min-width: 1px; } td .bar { height: 10px; width: 110px; }
.legend, .findings { list-style: none; margin: 10px 0 0; padding: 0; }
.legend { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 4px 18px; }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin-right: .5em; }
.findings { margin: 0; } .findings li { border-left: 4px solid var(--note); padding: 2px 0 2px 10px; margin: 0 0 10px;
  overflow-wrap: anywhere; }
.findings li > b { font-size: .75rem; letter-spacing: .03em; color: var(--note); margin-right: .3em; }
.findings small { display: block; } .findings .critical { border-color: var(--critical); }
.findings .critical > b, .failed-all b { color: var(--critical); }
.findings .warning { border-color: var(--warning); } .findings .warning > b { color: var(--warning); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 14px;
  margin-bottom: 14px; }
figure { margin: 0; } figcaption { font-size: .9rem; margin-bottom: 6px; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 10px; fill: var(--soft); }
.grid { stroke: var(--line); fill: none; }
.received { background: var(--received); fill: var(--received); }
.cancelled { background: var(--cancelled); fill: var(--cancelled); }
.timeout { background: var(--timeout); fill: var(--timeout); }
.expired { background: var(--expired); fill: var(--expired); }
.refunded { background: var(--refunded); fill: var(--refunded); }
.failed { background: var(--failed); fill: var(--failed); }
.open, .pairs { background: var(--open); fill: var(--open); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; } tbody tr:last-child td { border: 0; }
th:first-child, td:first-child { text-align: left; }
@media print { body { background: none; } section, figure { break-inside: avoid; } }
"""
