"""Which column is what: header names as shops, address books and spreadsheets write them.

A name is compared without case, accents, blanks and signs. Further names of phones and of consent
are told by their words (`csv_phone_columns`, `csv_consent_columns`). A mapping that is given comes
first.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, get_args

import msgspec

from kith.domain import csv_consent_columns, csv_phone_columns, ids, phone
from kith.errors import BadValue, Refused

Role = Literal[
    "contact_id",
    "phone",
    "name",
    "first_name",
    "last_name",
    "email",
    "tags",
    "country",
    "metadata",
    "consent",
    "opted_in_at",
    "opted_in_source",
    "opted_out_at",
    "ignored",
    "extra",
]
"""`metadata` is one JSON object; `extra` is a key of it, called as the column is."""

COLUMNS_MAX = 256
COMPARED_CHARACTERS = 256
"""Of the name of a column; longer ones are told apart by their beginning."""
_LABELS = ("label", "type")
MAPPABLE: tuple[Role, ...] = tuple(role for role in get_args(Role) if role != "extra")


class Column(msgspec.Struct, frozen=True):
    """`name` as the header has it; made unlike the others where two are called the same.

    Of several phones the one of the lowest rank comes first; `label` is the index of the column
    that says which of them each is, as Google's contacts have it.
    """

    index: int
    name: str
    role: Role
    rank: int = csv_phone_columns.MAPPED
    label: int | None = None


class Columns(msgspec.Struct, frozen=True):
    """`has_header` is False where the first record is a contact already."""

    all: tuple[Column, ...]
    has_header: bool = True

    def of(self, role: Role) -> list[Column]:
        """The likeliest first."""
        there = (column for column in self.all if column.role == role)
        return sorted(there, key=lambda column: column.rank)


def fold(name: str) -> str:
    """`Numéro de téléphone *` -> `numerodetelephone`."""
    name = name[:COMPARED_CHARACTERS].casefold()
    parts = unicodedata.normalize("NFKD", name).replace("\u0640", "")
    return "".join(part for part in parts if part.isalnum())


def of_header(
    cells: Sequence[str], given: Mapping[str, str], rows: Sequence[Sequence[str]] = ()
) -> Columns:
    """The columns of a first record, some of the next being `rows`.

    Raises Refused, also where `given` names what is not there.
    """
    if len(cells) > COLUMNS_MAX:
        raise Refused(f"The file has {len(cells)} columns; {COLUMNS_MAX} is the most.")
    wanted = {fold(name): checked(name, role) for name, role in given.items()}
    if not wanted and not _is_header(cells):
        return Columns(_by_content(cells), has_header=False)
    names = _unlike(cells)
    if missing := next((n for n in given if fold(n) not in map(fold, cells)), None):
        raise Refused(f"There is no column {missing!r}; there are: {', '.join(names)}.")
    roles = [wanted.get(fold(cell)) or _role(cell) for cell in cells]
    _leave_ids_of_others(roles, cells, wanted, rows)
    found = Columns(_ranked(roles, names, cells, wanted))
    if not (found.of("phone") or found.of("contact_id") or found.of("email")):
        raise Refused(
            "No column looks like a phone, an e-mail address or a contact id; name one with a"
            f" mapping such as {names[0]}=phone. There are: {', '.join(names)}."
        )
    return found


def _role(cell: str) -> Role:
    if (role := _vocabulary().get(fold(cell))) is not None:
        return role
    if csv_consent_columns.is_consent(cell[:COMPARED_CHARACTERS]):
        return "consent"
    return "extra" if _rank(cell) is None else "phone"


def _rank(cell: str) -> int | None:
    return csv_phone_columns.rank(cell[:COMPARED_CHARACTERS])


def _leave_ids_of_others(
    roles: list[Role],
    cells: Sequence[str],
    wanted: Mapping[str, Role],
    rows: Sequence[Sequence[str]],
) -> None:
    """Other systems have a "Contact ID" of their own; what an export of ours has beside is theirs
    then, too."""
    folded = list(map(fold, cells))
    ours = list(map(fold, _OF_EXPORT))
    is_export = not set(ours).difference(folded)
    for index, role in enumerate(roles):
        is_named = folded[index] in wanted or folded[index] == "kithid" or is_export
        if role == "contact_id" and not is_named and not _may_be_ids(index, rows):
            roles[index] = "extra"
    if "contact_id" in roles:
        for index, name in enumerate(folded):
            if name in ours and name not in wanted:
                roles[index] = "ignored"


def _may_be_ids(index: int, rows: Sequence[Sequence[str]]) -> bool:
    values = [row[index].strip() for row in rows if index < len(row)]
    return not any(values) or any(map(_is_id, values))


def _is_id(value: str) -> bool:
    try:
        ids.parse(value)
    except BadValue:
        return False
    return True


def _ranked(
    roles: Sequence[Role], names: Sequence[str], cells: Sequence[str], wanted: Mapping[str, Role]
) -> tuple[Column, ...]:
    """A phone of an address becomes metadata beside a column that is better."""
    ranks = [0] * len(roles)
    folded = list(map(fold, cells))
    for index, (role, cell) in enumerate(zip(roles, cells, strict=True)):
        if role == "phone" and folded[index] not in wanted:
            rank = _rank(cell)
            ranks[index] = csv_phone_columns.ANY if rank is None else rank
        elif role == "consent":
            is_first = folded[index] in wanted or csv_consent_columns.names_whatsapp(cell)
            ranks[index] = int(not is_first)
    best = min(
        (rank for rank, role in zip(ranks, roles, strict=True) if role == "phone"), default=0
    )
    return tuple(
        Column(index, names[index], "extra")
        if rank > best and rank >= csv_phone_columns.BILLING
        else Column(index, names[index], roles[index], rank, _label_of(index, roles, folded))
        for index, rank in enumerate(ranks)
    )


def _label_of(index: int, roles: Sequence[Role], folded: Sequence[str]) -> int | None:
    """`Phone 1 - Label`, or `Phone 1 - Type` in older exports, of `Phone 1 - Value`."""
    if roles[index] != "phone":
        return None
    name = folded[index].removesuffix("value")
    return next((folded.index(name + end) for end in _LABELS if name + end in folded), None)


def known(cells: Sequence[str]) -> int:
    """How many of them are names that the vocabulary has; more columns than may be are not read."""
    return sum(_role(cell) != "extra" for cell in cells[:COLUMNS_MAX])


def checked(name: str, role: str) -> Role:
    """The role that a mapping gives a column. Raises Refused."""
    try:
        return parse_role(role)
    except BadValue as problem:
        raise Refused(f"The column {name!r} {problem}") from None


def parse_role(value: str) -> Role:
    """Raises BadValue."""
    for role in MAPPABLE:
        if value.strip().lower().replace("-", "_") == role:
            return role
    if value.strip().lower() == "extra":
        return "extra"
    raise BadValue(f"must map to one of {', '.join(MAPPABLE)}, extra.")


def _is_header(cells: Sequence[str]) -> bool:
    """Whether these are names: one is known, or none is a number or an address."""
    if any(_role(cell) != "extra" for cell in cells):
        return True
    return not any(_is_phone(cell) or "@" in cell for cell in cells)


def _is_phone(cell: str) -> bool:
    try:
        phone.take(cell)
    except BadValue:
        return False
    return sum(map(str.isdecimal, cell)) >= phone.DIGITS_MIN + 3


def _by_content(cells: Sequence[str]) -> tuple[Column, ...]:
    """Of a file without header: the first that reads as a phone, the first address, a name."""
    columns, taken = [], set()
    for index, cell in enumerate(cells):
        role: Role = "extra"
        if _is_phone(cell) and "phone" not in taken:
            role = "phone"
        elif "@" in cell and "email" not in taken:
            role = "email"
        elif any(map(str.isalpha, cell)) and "@" not in cell and "name" not in taken:
            role = "name"
        taken.add(role)
        columns.append(Column(index, f"column {index + 1}", role))
    return tuple(columns)


def _unlike(cells: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for index, cell in enumerate(cells):
        name = cell.strip() or f"column {index + 1}"
        number = 1
        while (unlike := name if number == 1 else f"{name} ({number})") in names:
            number += 1
        names[unlike] = None
    return list(names)


# English; French; Spanish; Portuguese; German; Italian; Dutch; Turkish; Arabic; then what shops and
# address books call it in their own files.
_NAMES: dict[Role, str] = {
    "contact_id": "contact_id, kith_id",
    "phone": """
        phone, phone number, telephone, telephone number, tel, mobile, mobile phone, mobile number,
        cell, cell phone, cellphone, whatsapp, whatsapp number, whatsapp phone, wa, msisdn, number,
        contact number, contact no, contact nr, primary phone, whatsapp id, wa id;
        téléphone, numéro de téléphone, n° de téléphone, numéro, portable, téléphone portable,
        téléphone mobile, tél, tél mobile, gsm, numéro whatsapp, n° tel, numéro de portable;
        teléfono, número de teléfono, móvil, teléfono móvil, celular, número de celular, número,
        teléfono celular, número de whatsapp, nro de teléfono;
        telefone, número de telefone, telemóvel, telefone celular, número do whatsapp, fone;
        telefon, telefonnummer, handy, handynummer, mobiltelefon, mobilnummer, rufnummer, mobil,
        whatsapp nummer, whatsapp-nummer;
        telefono, numero di telefono, cellulare, numero di cellulare, telefonino, cell., numero;
        telefoonnummer, mobiel, mobiel nummer, telefoon; telefon numarası, cep telefonu;
        الهاتف, هاتف, رقم الهاتف, الجوال, جوال, رقم الجوال, الموبايل, موبايل, رقم الموبايل, واتساب,
        رقم الواتساب, رقم, الرقم;
        phone 1 - value, default address phone, billing phone, billing_phone, shipping phone,
        phone_number, mobilephone, primary phone number, sms, phone number 1""",
    "name": """
        name, full name, fullname, display name, contact name, customer name, contact, customer;
        nom complet, nom et prénom, nom prénom, nom du contact, nom du client, client;
        nombre, nombre completo, nombre y apellido, nombre y apellidos, nombre del cliente;
        nome, nome completo, nome do cliente, nome e sobrenome;
        vollständiger name, name vorname, vor- und nachname, kunde, kundenname, ansprechpartner;
        nome e cognome, nominativo, nome cliente; naam, volledige naam; ad soyad, isim;
        الاسم, اسم, الاسم الكامل, الإسم, اسم العميل, العميل;
        file as, display_name""",
    "first_name": """
        first name, firstname, given name, forename, first; prénom, prénoms; primer nombre;
        primeiro nome; vorname; nome di battesimo; voornaam; adı; الاسم الأول;
        billing first name, customer first name""",
    "last_name": """
        last name, lastname, surname, family name, last; nom, nom de famille; apellido, apellidos;
        sobrenome, apelido; nachname, familienname; cognome; achternaam; soyad, soyadı;
        اسم العائلة, اللقب, الاسم الأخير;
        billing last name, customer last name""",
    "email": """
        email, e-mail, email address, e-mail address, mail, mail address, email 1, primary email;
        courriel, adresse e-mail, adresse mail, adresse électronique, adresse de courriel;
        correo, correo electrónico, dirección de correo, dirección de correo electrónico;
        correio eletrônico, correio eletrónico, endereço de e-mail;
        e-mail-adresse, mailadresse, emailadresse; indirizzo e-mail, posta elettronica,
        indirizzo email; e-mailadres; e-posta, eposta;
        البريد, البريد الإلكتروني, بريد إلكتروني, الايميل, الإيميل, ايميل;
        e-mail 1 - value, billing email, customer email""",
    "tags": """
        tags, tag, labels, label, groups, group, segments, segment, list, lists;
        étiquettes, étiquette, groupes, groupe, libellés, mots-clés;
        etiquetas, etiqueta, grupos, grupo; marcadores, marcador; schlagwörter, schlagworte,
        gruppen, gruppe, etiketten; etichette, etichetta, gruppi, gruppo; labels; etiketler;
        الوسوم, وسوم, الوسم, المجموعات, المجموعة, التصنيفات, العلامات;
        group membership""",
    "country": """
        country, country code, country iso, country_code, region code; pays, code pays; país, pais,
        código de país, código do país; land, ländercode, landcode, länderkürzel; paese, nazione,
        codice paese; ülke; البلد, الدولة, رمز الدولة, رمز البلد;
        default address country code, billing country, address country code, country iso code,
        country region""",
    "metadata": "metadata, meta",
    "consent": """
        consent, opt in, opted in, opt-in, whatsapp consent, whatsapp opt in, whatsapp opt-in,
        accepts whatsapp marketing; consentement, consentement whatsapp; consentimiento;
        consentimento; einwilligung, zustimmung; consenso; toestemming; onay, izin;
        الموافقة, موافقة""",
    "opted_in_at": """
        opted_in_at, opt in date, opt-in date, opt in at, optin date, consent date, consented at,
        date of consent, subscribed at, whatsapp opt in date;
        date de consentement, date du consentement, date d'inscription, date d'opt-in;
        fecha de consentimiento, fecha del consentimiento, fecha de suscripción, fecha de alta;
        data de consentimento, data do consentimento, data de inscrição;
        einwilligungsdatum, datum der einwilligung, zustimmungsdatum, anmeldedatum, opt-in-datum;
        data consenso, data del consenso, data di iscrizione; تاريخ الموافقة, تاريخ الاشتراك""",
    "opted_in_source": """
        opted_in_source, opt in source, opt-in source, consent source, source of consent,
        opt in method, consent origin;
        source du consentement, origine du consentement; origen del consentimiento,
        fuente del consentimiento; origem do consentimento, fonte do consentimento;
        quelle der einwilligung, einwilligungsquelle, herkunft der einwilligung; origine consenso,
        origine del consenso, fonte del consenso; مصدر الموافقة""",
    "opted_out_at": """
        opted_out_at, opt out date, opt-out date, opt out at, opted out, opt out, opt-out,
        do not contact, whatsapp opt out;
        date de retrait, retrait du consentement, opposition; fecha de baja, baja, dado de baja;
        data de cancelamento; abmeldedatum, widerruf, widerrufsdatum, datum des widerrufs;
        revoca, data di revoca; تاريخ إلغاء الموافقة, ألغى الموافقة""",
    "ignored": """
        kith_line, kith_offset, kith_code, kith_reason, kith_mend, kith_row""",
}
_OF_EXPORT = ("source", "locale", "last_message_at", "total_messages", "created_at", "updated_at")
"""Columns that an export has and an import leaves alone, where it is one: it has ids too."""


@cache
def _vocabulary() -> dict[str, Role]:
    return {
        fold(name): role
        for role, text in _NAMES.items()
        for line in text.split(";")
        for name in line.split(",")
        if fold(name)
    }
