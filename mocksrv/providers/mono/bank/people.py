"""Nigerians: who an account belongs to, and whom its owner deals with. Always the same for the same key."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any

from mocksrv.engine.loads import need
from mocksrv.engine.world import World

LOCALES = ("en_NG", "yo_NG", "ig_NG", "ha_NG")  # in Lagos many a first name is English
CITIES = (
    ("Ikeja", "Lagos"),
    ("Lekki", "Lagos"),
    ("Surulere", "Lagos"),
    ("Yaba", "Lagos"),
    ("Garki", "Abuja"),
    ("Wuse", "Abuja"),
    ("Ibadan", "Oyo"),
    ("Abeokuta", "Ogun"),
    ("Port Harcourt", "Rivers"),
    ("Benin City", "Edo"),
    ("Enugu", "Enugu"),
    ("Onitsha", "Anambra"),
    ("Owerri", "Imo"),
    ("Kano", "Kano"),
    ("Kaduna", "Kaduna"),
    ("Jos", "Plateau"),
    ("Ilorin", "Kwara"),
    ("Uyo", "Akwa Ibom"),
)
ORIGINS = (  # state, and a local government area of it
    ("Lagos", "Epe"),
    ("Lagos", "Ikorodu"),
    ("Ogun", "Abeokuta South"),
    ("Oyo", "Ibadan North"),
    ("Osun", "Ife Central"),
    ("Ondo", "Akure South"),
    ("Edo", "Oredo"),
    ("Delta", "Warri South"),
    ("Rivers", "Obio-Akpor"),
    ("Akwa Ibom", "Uyo"),
    ("Anambra", "Onitsha North"),
    ("Enugu", "Nsukka"),
    ("Imo", "Owerri Municipal"),
    ("Kwara", "Ilorin West"),
    ("Plateau", "Jos North"),
    ("Kaduna", "Zaria"),
    ("Kano", "Nassarawa"),
    ("Borno", "Maiduguri"),
)
STREETS = (
    "Adeola Odeku",
    "Allen",
    "Awolowo",
    "Ademola Adetokunbo",
    "Aminu Kano",
    "Bode Thomas",
    "Herbert Macaulay",
    "Ahmadu Bello",
    "Nnamdi Azikiwe",
    "Ogunlana",
    "Opebi",
    "Adetokunbo Ademola",
    "Isaac John",
    "Zik",
    "Trans Amadi",
)
KINDS_OF_STREET = ("Street", "Avenue", "Close", "Crescent", "Road")
NETWORKS = ("0803", "0805", "0806", "0807", "0813", "0816", "0703", "0706", "0902", "0905")


class People:
    """Makes up people. Faker is imported with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fakers: dict[str, Any] = {}

    def need(self, world: World) -> None:
        """People are needed: what makes them is imported outside of transactions, which takes a fifth of a second.
        Raises Unready.
        """
        need(world, self._fakers.keys() >= {*LOCALES}, self._get_ready)

    def _get_ready(self) -> None:
        with self._lock:
            for locale in LOCALES:
                self._faker(locale)
            self._gender_of("")

    def identity(self, key: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Somebody's particulars. ``known``: the first and last name, and the email, of one who lives in other places,
        too.
        """
        chance = random.Random(key)
        made = self._names(key, chance)
        if known:
            gender = self._gender_of(known["first_name"])
            made |= {"first": known["first_name"], "last": known["last_name"], "gender": gender or made["gender"]}
        city, state = chance.choice(CITIES)
        street = f"{chance.randint(1, 148)} {chance.choice(STREETS)} {chance.choice(KINDS_OF_STREET)}"
        year, month, day = chance.randint(1962, 2003), chance.randint(1, 12), chance.randint(1, 28)
        name = f"{made['first']} {made['last']}"
        return {
            "name": name,
            "full_name": f"{made['last']} {made['first']} {made['middle']}".upper(),
            "email": (known or {}).get("email") or f"{name}@example.com".lower().replace(" ", ".").replace("'", ""),
            "phone": f"{chance.choice(NETWORKS)}{chance.randrange(10**7):07d}",
            "gender": made["gender"],
            "dob": f"{year}-{month:02d}-{day:02d}",
            "bvn": f"22{chance.randrange(10**9):09d}",
            "marital_status": chance.choice(("Single", "Married")),
            "address_line1": street,
            "address_line2": f"{city}, {state}",
        } | dict(zip(("state_of_origin", "lga_of_origin"), chance.choice(ORIGINS), strict=True))

    def name(self, key: str) -> str:
        """Somebody's first and last name."""
        made = self._names(key, random.Random(key))
        return f"{made['first']} {made['last']}"

    def _names(self, key: str, chance: random.Random) -> dict[str, str]:
        locale, gender = chance.choice(LOCALES), chance.choice(("male", "female"))
        with self._lock:
            faker = self._faker(locale)
            faker.seed_instance(key)
            named = faker.first_name_male if gender == "male" else faker.first_name_female
            found = {"first": named(), "middle": named(), "last": faker.last_name()}
        return {"gender": gender.title()} | {name: text.replace("’", "'") for name, text in found.items()}

    def _faker(self, locale: str) -> Any:
        if locale not in self._fakers:
            from faker import Faker
            from faker.config import AVAILABLE_LOCALES

            self._fakers[locale] = Faker(locale if locale in AVAILABLE_LOCALES else LOCALES[0])
        return self._fakers[locale]

    @staticmethod
    def _gender_of(name: str) -> str | None:
        from faker.providers.person.en_US import Provider

        lists = {"Male": Provider.first_names_male, "Female": Provider.first_names_female}
        found = [gender for gender, names in lists.items() if name in names]
        return found[0] if len(found) == 1 else None
