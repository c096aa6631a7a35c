"""What the simulated provider sells: services, countries, prices, stock, numbers and the texts of SMS.

Codes are those of the SMS-Activate protocol. Two services of ours stand beside them: a number of `none` never gets an
SMS, and of `dry` there are no numbers. Constants and pure functions; randomness is passed in.
"""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

NEVER_SMS = "none"
NO_NUMBERS = "dry"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Service:
    """price: USD in a country of factor 1. text: of its SMS, with `{code}`."""

    code: str
    name: str
    price: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class Country:
    """prefix: dialling code. starts: what a mobile number begins with after it. digits: of the number after prefix."""

    id: int
    eng: str
    rus: str
    chn: str
    prefix: str
    starts: tuple[str, ...]
    digits: int
    factor: Decimal


def _services() -> dict[str, Service]:
    rows = [
        ("wa", "WhatsApp", "0.80", "Your WhatsApp code: {code}. Keep it to yourself."),
        ("tg", "Telegram", "1.10", "Telegram login code {code}. Anyone who asks you for it is not us."),
        ("go", "Google, YouTube, Gmail", "0.35", "G-{code} is your verification code for Google."),
        ("ig", "Instagram", "0.25", "Use {code} to confirm your Instagram account."),
        ("fb", "Facebook", "0.30", "{code} is your code to confirm this number on Facebook."),
        ("tw", "Twitter", "0.20", "Twitter: {code} is your confirmation code."),
        ("vi", "Viber", "0.22", "Viber activation code: {code}"),
        ("wb", "WeChat", "1.40", "[WeChat] {code} is the code to link this phone."),
        ("vk", "VKontakte", "0.60", "VK: {code} - code for your registration."),
        ("wx", "Apple", "0.40", "Your Apple account code is {code}. Never share it."),
        ("dr", "OpenAI", "0.45", "OpenAI: enter {code} to verify your phone."),
        ("am", "Amazon", "0.30", "{code} is your Amazon one-time password."),
        ("mm", "Microsoft", "0.18", "Enter {code} as the Microsoft security code."),
        ("ot", "Any other", "0.15", "Your verification code is {code}"),
        (NEVER_SMS, "Simulator: never an SMS", "0.10", "{code}"),
        (NO_NUMBERS, "Simulator: no numbers", "0.10", "{code}"),
    ]
    return {code: Service(code, name, Decimal(price), text) for code, name, price, text in rows}


def _countries() -> dict[int, Country]:
    rows = [
        (0, "Russia", "Россия", "俄罗斯", "7", ("90", "91", "95", "96"), 10, "1.20"),
        (1, "Ukraine", "Украина", "乌克兰", "380", ("50", "67", "93"), 9, "1.10"),
        (2, "Kazakhstan", "Казахстан", "哈萨克斯坦", "7", ("700", "705", "777"), 10, "1.30"),
        (4, "Philippines", "Филиппины", "菲律宾", "63", ("905", "917", "927"), 10, "0.70"),
        (6, "Indonesia", "Индонезия", "印度尼西亚", "62", ("812", "813", "857"), 11, "0.65"),
        (7, "Malaysia", "Малайзия", "马来西亚", "60", ("12", "13", "19"), 9, "0.80"),
        (10, "Vietnam", "Вьетнам", "越南", "84", ("90", "91", "98"), 9, "0.75"),
        (12, "USA (virtual)", "США (виртуальные)", "美国(虚拟)", "1", ("213", "332", "646"), 10, "0.90"),
        (16, "United Kingdom", "Великобритания", "英国", "44", ("74", "75", "77"), 10, "1.50"),
        (22, "India", "Индия", "印度", "91", ("70", "81", "98"), 10, "0.70"),
        (33, "Colombia", "Колумбия", "哥伦比亚", "57", ("300", "310", "320"), 10, "0.85"),
        (43, "Germany", "Германия", "德国", "49", ("151", "160", "176"), 11, "2.40"),
        (52, "Thailand", "Таиланд", "泰国", "66", ("81", "89", "92"), 9, "0.90"),
        (62, "Turkey", "Турция", "土耳其", "90", ("532", "541", "555"), 10, "1.60"),
        (73, "Brazil", "Бразилия", "巴西", "55", ("119", "219", "319"), 11, "0.95"),
        (187, "USA", "США", "美国", "1", ("213", "305", "917"), 10, "1.80"),
    ]
    return {
        id_: Country(id_, eng, rus, chn, prefix, starts, digits, Decimal(factor))
        for id_, eng, rus, chn, prefix, starts, digits, factor in rows
    }


SERVICES = _services()
COUNTRIES = _countries()


def price_of(service: Service, country: Country) -> Decimal:
    """Price of one number in USD, in whole cents."""
    return (service.price * country.factor).quantize(_CENT)


def stock_of(service: Service, country: Country) -> int:
    """How many numbers the provider claims to have: a fixed figure, which purchases do not lower."""
    return 0 if service.code == NO_NUMBERS else 40 + (country.id * 131 + sum(service.code.encode()) * 17) % 900


def draw_phone(country: Country, random: Random) -> str:
    """Draw a mobile number of the country, digits only, without `+`."""
    start = random.choice(country.starts)
    rest = country.digits - len(start)
    return f"{country.prefix}{start}{random.randrange(10**rest):0{rest}}"


def draw_code(random: Random) -> str:
    """Draw a six-digit code that does not begin with 0."""
    return str(random.randrange(100_000, 1_000_000))
