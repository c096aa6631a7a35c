"""What 5sim calls the services and countries of the catalogue, and the other way round. Constants only.

Country 12 of the catalogue, virtual numbers of the USA, is with 5sim an operator of the USA and so is left out.
"""

from pollers.simulator.catalogue import COUNTRIES, SERVICES

PRODUCTS = {
    "wa": "whatsapp",
    "tg": "telegram",
    "go": "google",
    "ig": "instagram",
    "fb": "facebook",
    "tw": "twitter",
    "vi": "viber",
    "wb": "wechat",
    "vk": "vkontakte",
    "wx": "apple",
    "dr": "openai",
    "am": "amazon",
    "mm": "microsoft",
    "ot": "other",
    "none": "none",
    "dry": "dry",
}
"""Product by service code."""

COUNTRY_NAMES = {
    0: ("russia", "ru"),
    1: ("ukraine", "ua"),
    2: ("kazakhstan", "kz"),
    4: ("philippines", "ph"),
    6: ("indonesia", "id"),
    7: ("malaysia", "my"),
    10: ("vietnam", "vn"),
    16: ("england", "gb"),
    22: ("india", "in"),
    33: ("colombia", "co"),
    43: ("germany", "de"),
    52: ("thailand", "th"),
    62: ("turkey", "tr"),
    73: ("brazil", "br"),
    187: ("usa", "us"),
}
"""Name and ISO code by country id."""

SERVICE_OF = {PRODUCTS[code]: service for code, service in SERVICES.items()}
COUNTRY_OF = {name: COUNTRIES[id_] for id_, (name, _) in COUNTRY_NAMES.items()}
RENTAL_HOURS = {"3hours": 3, "1day": 24, "10days": 240, "1month": 720}
OPERATORS = ("virtual4", "virtual21")
"""Every country's; they share its stock."""
