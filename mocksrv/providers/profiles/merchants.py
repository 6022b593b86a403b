"""Invented shops and billers, in lists that a data profile names with ``at:``.

Each row is (description, original description, category).
"""

from __future__ import annotations

from collections.abc import Mapping

MERCHANTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "groceries": (
        ("Green Basket", "GREEN BASKET #0412 SEATTLE WA", "Groceries"),
        ("Harvest Row Market", "HARVEST ROW MKT 118", "Groceries"),
        ("Corner Pantry", "CORNER PANTRY 00932", "Groceries"),
        ("Bluebird Foods", "POS DEBIT BLUEBIRD FOODS 77", "Groceries"),
        ("Millstone Bakery", "SQ *MILLSTONE BAKERY", "Groceries"),
    ),
    "coffee": (
        ("Kettle & Crumb", "SQ *KETTLE AND CRUMB", "Coffee Shops"),
        ("Third Street Roasters", "THIRD ST ROASTERS 03", "Coffee Shops"),
        ("Morning Bell Coffee", "MORNING BELL COFFEE 1190", "Coffee Shops"),
        ("Copper Pot Espresso", "TST* COPPER POT ESPRESSO", "Coffee Shops"),
    ),
    "restaurants": (
        ("Casa Lumbre", "TST* CASA LUMBRE", "Restaurants"),
        ("Noodle Lantern", "NOODLE LANTERN 2065550134", "Restaurants"),
        ("Two Rivers Grill", "TWO RIVERS GRILL", "Restaurants"),
        ("Saffron Table", "SQ *SAFFRON TABLE", "Restaurants"),
        ("The Brass Fork", "BRASS FORK LLC", "Restaurants"),
        ("Harbor Taproom", "HARBOR TAPROOM 22", "Alcohol & Bars"),
    ),
    "fast_food": (
        ("Burrito Barn", "BURRITO BARN 0271", "Fast Food"),
        ("Patty Stop", "PATTY STOP #88 QPS", "Fast Food"),
        ("Golden Coop Chicken", "GOLDEN COOP CHKN 14", "Fast Food"),
        ("Slice Yard Pizza", "SLICE YARD PIZZA ONLINE", "Fast Food"),
    ),
    "gas": (
        ("Roadrunner Fuel", "ROADRUNNER FUEL 5521 PAY AT PUMP", "Gas"),
        ("Summit Gas & Go", "SUMMIT GAS&GO 0087", "Gas"),
        ("Prairie Petrol", "PRAIRIE PETROL 301", "Gas"),
    ),
    "transport": (
        ("City Transit", "CITY TRANSIT REFILL", "Public Transportation"),
        ("ParkRight", "PARKRIGHT ZONE 4417", "Parking"),
        ("HopOn Rides", "HOPON *TRIP HELP.HOPON.EXAMPLE", "Rental Car & Taxi"),
    ),
    "shopping": (
        ("Parcel & Co", "PARCELCO MKTPL US*2R4", "Shopping"),
        ("Threadline", "THREADLINE 0440", "Clothing"),
        ("Oak & Iron Home", "OAK AND IRON HOME 6", "Home Supplies"),
        ("Pixel Depot", "PIXEL DEPOT 00123", "Electronics & Software"),
        ("Paper Lantern Books", "PAPER LANTERN BOOKS", "Books"),
        ("Trailhead Outfitters", "TRAILHEAD OUTFITTERS", "Sporting Goods"),
    ),
    "health": (
        ("Willow Pharmacy", "WILLOW PHARMACY 1207", "Pharmacy"),
        ("Lakeside Dental", "LAKESIDE DENTAL PC", "Dentist"),
        ("Northgate Family Clinic", "NORTHGATE FAMILY CLN", "Doctor"),
    ),
    "leisure": (
        ("Grand Arcade Cinema", "GRAND ARCADE CINEMA 3", "Movies & DVDs"),
        ("Riverside Theatre", "RIVERSIDE THEATRE BOX OFC", "Arts"),
        ("Sunny Paws Pet Supply", "SUNNY PAWS PET SPLY", "Pet Food & Supplies"),
        ("Shear Delight Salon", "SHEAR DELIGHT SALON", "Hair"),
    ),
    "travel": (
        ("Bluewing Airlines", "BLUEWING AIR 0167712203911", "Air Travel"),
        ("Meridian Hotels", "MERIDIAN HOTELS CHICAGO IL", "Hotel"),
        ("Keyway Car Rental", "KEYWAY CAR RENTAL 18", "Rental Car & Taxi"),
        ("Villa Azul Resort", "VILLA AZUL RESORT", "Vacation"),
    ),
}
