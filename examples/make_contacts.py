"""Makes contacts.csv: 2,000 rows as real files have them. The same seed makes the same file.

    python examples/make_contacts.py

Eleven countries and many spellings of numbers, the same people again in another spelling, rows that are
broken on purpose, missing names, people who opted out, accents, right-to-left names, semicolons in quotes.
The numbers are random within the ranges that each country gives to mobiles; nobody is meant.
"""

import csv
import random  # noqa: TID251 - a generator of example data, from a seed
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

ROWS = 2000
HEADER = ["firstName", "lastName", "phone", "countryCode", "email", "company", "city", "optedOut"]


@dataclass(frozen=True)
class Country:
    region: str
    share: int
    prefixes: tuple[str, ...]
    """How national numbers of mobiles begin; `9` stands for itself."""
    length: int
    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]

    @property
    def code(self) -> int:
        return phonenumbers.country_code_for_region(self.region)


def words(text: str) -> tuple[str, ...]:
    return tuple(text.replace("_", " ").split()) if "|" not in text else tuple(text.split("|"))


COUNTRIES = (
    Country(
        "GB",
        17,
        ("7400", "7520", "7725", "7890", "7911"),
        10,
        words("Oliver Amelia George Isla Harry Ava Zoë Siân Niamh Rhys Chloë Alfie"),
        words("Smith Jones Taylor O'Brien Evans Walker Hughes Beaumont-Clarke MacDonald Patel"),
        words("London|Leeds|Glasgow|Cardiff|Belfast|Newcastle upon Tyne"),
    ),
    Country(
        "BR",
        16,
        ("119", "219", "319", "719", "519", "419"),
        11,
        words("João Maria José Ana Antônia Luís Conceição Thaís Mônica Caetano Iara Otávio"),
        words("Silva|Souza|Araújo|Gonçalves|Conceição|dos Santos|de Assunção|Magalhães"),
        words("São Paulo|Rio de Janeiro|Belo Horizonte|Salvador|Porto Alegre|Curitiba"),
    ),
    Country(
        "MX",
        10,
        ("55", "33", "81", "222", "656"),
        10,
        words("José|María|Guadalupe|Jesús|Verónica|Iñigo|Sofía|Raúl|Ximena|Ángel"),
        words("Hernández García Martínez Núñez Peña Ibáñez Zúñiga Rodríguez"),
        words("Ciudad de México|Guadalajara|Monterrey|Puebla|Ciudad Juárez"),
    ),
    Country(
        "AR",
        8,
        ("911", "9351", "9341", "9261"),
        11,
        words("Martín Lucía Joaquín Belén Agustín Ramón Julieta Nicolás"),
        words("González Fernández López Giménez Sosa Agüero Domínguez"),
        words("Buenos Aires|Córdoba|Rosario|Mendoza"),
    ),
    Country(
        "US",
        13,
        ("212", "415", "312", "617", "305"),
        10,
        words("James Mary Robert Patricia DeShawn Renée Michael Xochitl Linda José"),
        words("Johnson Williams Brown Garcia Miller Nguyen O'Connor Washington"),
        words("New York|San Francisco|Chicago|Boston|Miami"),
    ),
    Country(
        "DE",
        9,
        ("1511", "1601", "1701", "1721"),
        11,
        words("Jürgen Käthe Björn Sören Anneliese Günther Zoé Maximilian"),
        words("Müller|Schäfer|Weiß|Groß|Köhler|von der Heide|Strauß"),
        words("Köln|München|Düsseldorf|Berlin|Gießen"),
    ),
    Country(
        "FR",
        8,
        ("61", "62", "66", "75", "78"),
        9,
        words("Élodie François Zoé Jérôme Anaïs Maëlys Loïc Chloé Hélène Noël"),
        words("Lefèvre|Garçon|Noël|D'Almeida|Béranger|Lemaître|Saint-Exupéry"),
        words("Paris|Lyon|Marseille|Saint-Étienne|Besançon"),
    ),
    Country(
        "IN",
        9,
        ("98", "97", "91", "81", "70"),
        10,
        words("Priya Arjun Lakshmi Rahul प्रिया अर्जुन Fatima Gurpreet Ananya Vikram"),
        words("Sharma Iyer Khan Singh शर्मा Banerjee Reddy Deshpande"),
        words("Mumbai|Bengaluru|Delhi|Chennai|Kolkata"),
    ),
    Country(
        "AE",
        4,
        ("50", "52", "55", "56"),
        9,
        words("محمد|فاطمة|أحمد|عائشة|Omar|Layla|خالد"),
        words("الهاشمي|المنصوري|Al Maktoum|النعيمي|Haddad"),
        words("دبي|أبوظبي|Dubai|Sharjah"),
    ),
    Country(
        "IL",
        3,
        ("502", "522", "542", "584"),
        9,
        words("נועה|יוסף|תמר|דוד|Yael|מרים|Avi"),
        words("כהן|לוי|מזרחי|פרץ|Ben-David"),
        words("תל אביב|ירושלים|Haifa|באר שבע"),
    ),
    Country(
        "EG",
        3,
        ("100", "110", "120", "150"),
        10,
        words("محمود|مريم|يوسف|نور|Youssef|هبة"),
        words("عبد الرحمن|السيد|Mansour|حسن|إبراهيم"),
        words("القاهرة|الإسكندرية|Cairo|Giza"),
    ),
)
COMPANIES = (
    "Corner Bakery",
    "Müller & Söhne GmbH",
    "García; Hijos y Cía",
    'The "Blue" Café',
    "Flores do Sul Ltda",
    "Tech, Tools and Toys",
    "شركة النور",
    "קפה הפינה",
    "Boulangerie de l'Étoile",
    "",
    "",
    "",
    "",
    "",
)
BROKEN = (
    lambda r: {"phone": ""},
    lambda r: {"phone": "call me maybe"},
    lambda r: {"phone": "12345"},
    lambda r: {"phone": "+44 7700 900"},
    lambda r: {"phone": "4.47911E+11"},
    lambda r: {"phone": "+999 555 0100"},
    lambda r: {"phone": "+55 11 91234 5678 9012 345"},
    lambda r: {"countryCode": "Atlantis", "phone": "0612345678"},
    lambda r: {"email": "not-an-address"},
    lambda r: {"optedOut": "maybe"},
    lambda r: {"firstName": "N" * 140},
)


def number(chance: random.Random, country: Country) -> phonenumbers.PhoneNumber:
    """A number that the country could give to a mobile."""
    for _ in range(200):
        prefix = chance.choice(country.prefixes)
        rest = "".join(chance.choice("0123456789") for _ in range(country.length - len(prefix)))
        made = phonenumbers.parse(f"+{country.code}{prefix}{rest}")
        mobile = phonenumbers.number_type(made) in (
            PhoneNumberType.MOBILE,
            PhoneNumberType.FIXED_LINE_OR_MOBILE,
        )
        if phonenumbers.is_valid_number(made) and mobile:
            return made
    raise ValueError(f"no valid number for {country.region}")


def spelled(chance: random.Random, country: Country, made: phonenumbers.PhoneNumber) -> tuple[str, str]:
    """A way in which people write the number, and the country code beside it."""
    code, region = f"+{country.code}", country.region
    whole = phonenumbers.format_number(made, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(made, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(made, PhoneNumberFormat.NATIONAL)
    ways = [
        (whole, code),
        (whole, ""),
        (international, ""),
        (international, code),
        (national, code),
        (national, region),
        (f"00{whole[1:]}", ""),
        (whole[1:], code),
        (international.replace(" ", "-"), region),
        (f"  {national} ", code),
        (f"\u202a{international}\u202c", ""),
    ]
    if region == "BR" and whole[6] in "6789":
        ways.append((f"+55 {whole[3:5]} {whole[6:10]}-{whole[10:]}", ""))
    if region == "MX":
        ways.append((f"+52 1 {whole[3:]}", ""))
    if region == "AR":
        ways.append((f"+54 {whole[4:]}", ""))
    if region == "EG":
        ways.append((whole.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), ""))
    return chance.choice(ways)


def person(chance: random.Random, country: Country, made: phonenumbers.PhoneNumber) -> dict[str, str]:
    phone, code = spelled(chance, country, made)
    first, last = chance.choice(country.first), chance.choice(country.last)
    missing = chance.random()
    ascii_name = (
        f"{first}.{last}".encode("ascii", "ignore").decode().lower().replace(" ", "").replace("'", "")
    )
    domain = f"example.{chance.choice(('com', 'org', 'net'))}"
    mail = f"{ascii_name.strip('.-') or 'contact'}{chance.randrange(1, 999)}@{domain}"
    return {
        "firstName": "" if missing < 0.06 else first,
        "lastName": "" if missing < 0.03 or 0.06 <= missing < 0.14 else last,
        "phone": phone,
        "countryCode": code,
        "email": mail if chance.random() < 0.7 else "",
        "company": chance.choice(COMPANIES),
        "city": chance.choice(country.cities),
        "optedOut": chance.choice(("yes", "true", "1", "Sim", "OUI"))
        if chance.random() < 0.04
        else chance.choice(("no", "no", "false", "")),
    }


def rows(seed: int = 2026) -> list[dict[str, str]]:
    chance = random.Random(seed)
    made: list[dict[str, str]] = []
    people: list[tuple[Country, phonenumbers.PhoneNumber]] = []
    while len(made) < ROWS:
        country = chance.choices(COUNTRIES, [c.share for c in COUNTRIES])[0]
        if people and chance.random() < 0.05:
            country, known = chance.choice(people)
            row = person(chance, country, known)
        else:
            people.append((country, number(chance, country)))
            row = person(chance, *people[-1])
        if chance.random() < 0.02:
            row |= chance.choice(BROKEN)(row)
        made.append(row)
    return made


def text(seed: int = 2026) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, HEADER, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows(seed))
    return out.getvalue()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("contacts.csv")
    target.write_bytes(text().encode("utf-8-sig"))
    print(f"{target}: {ROWS} rows")
