"""Headers in the words of many languages, and of none."""

import pytest

from kith.domain import csv_columns, csv_heads
from kith.domain.csv_heads import Options
from kith.errors import Refused


def roles(*cells, **mapping):
    return [column.role for column in csv_columns.of_header(cells, mapping).all]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Name,Phone Number,E-mail,Tags", "name phone email tags"),
        ("Prénom;Nom;Téléphone;Courriel;Étiquettes", "first_name last_name phone email tags"),
        ("NUMÉRO DE TÉLÉPHONE *;Pays", "phone country"),
        ("Nombre;Apellidos;Móvil;Correo electrónico;Etiquetas", "name last_name phone email tags"),
        ("Nome;Sobrenome;Celular;E-mail;Marcadores", "name last_name phone email tags"),
        ("Vorname;Nachname;Handynummer;E-Mail-Adresse;Gruppen",
         "first_name last_name phone email tags"),
        ("Nome;Cognome;Cellulare;Indirizzo e-mail;Etichette", "name last_name phone email tags"),
        ("الاسم,رقم الجوال,البريد الإلكتروني,الوسوم", "name phone email tags"),
        ("Name,Given Name,Phone 1 - Value,E-mail 1 - Value", "name first_name phone email"),
        ("First Name,Last Name,Email,Default Address Country Code,Phone",
         "first_name last_name email country phone"),
        ("phone,Favourite colour,,", "phone extra extra extra"),
        ("whatsapp,opt in date,opt in source", "phone opted_in_at opted_in_source"),
    ],
)  # fmt: skip
def test_header_names(header, expected):
    cells = header.split(";" if ";" in header else ",")
    assert roles(*cells) == expected.split()


@pytest.mark.parametrize(
    "name",
    [
        "Business Phone", "Home Phone", "Home Phone 2", "Other Phone", "Work Phone", "Phone No.",
        "Mobile No.", "Contact No", "Tel.-Nr.", "Telefonnr.", "Telefon-Nr.", "Handy-Nr.",
        "Telefon (geschäftlich)", "Tél. portable", "N° de portable", "Téléphone 1", "Tél. fixe",
        "Teléfono 1", "Nº de teléfono", "N.º de teléfono", "Celular/WhatsApp", "WhatsApp No",
        "WhatsApp ID", "wa_id", "Phone (Billing)", "phone1", "phone_e164", "Customer Phone",
        "Phone 3 - Value", "Mobile Phone Number", "Telefone comercial", "Cep Telefonu",
    ],
)  # fmt: skip
def test_names_of_phones_by_their_words(name):
    assert roles(name) == ["phone"]


@pytest.mark.parametrize(
    "name",
    [
        "Phone type", "Phone 1 - Label", "Phone country", "Customer number", "Work", "Home",
        "Company", "Fax", "Business Fax", "Emergency phone", "Assistant's Phone", "CEP",
        "WhatsApp name", "Mobile app", "Order No", "Phone ID", "Handy tip",
    ],
)  # fmt: skip
def test_names_that_are_no_phones(name):
    assert roles("Phone", name)[1] == "extra"


@pytest.mark.parametrize(
    "name",
    [
        "WhatsApp Marketing Consent", "Opt-in WhatsApp", "WhatsApp Opt-In Status", "whatsapp_optin",
        "Consent for WhatsApp", "Opted in to WhatsApp", "Consentement marketing WhatsApp",
        "Einwilligung für WhatsApp", "Consentimiento de WhatsApp", "WhatsApp Consent Status",
        "WhatsApp subscription status", "الموافقة واتساب",
    ],
)  # fmt: skip
def test_names_of_consent_by_their_words(name):
    assert roles("Phone", name)[1] == "consent"


def test_of_two_columns_of_consent_that_of_whatsapp_counts():
    columns = csv_columns.of_header(["Phone", "Consent", "WhatsApp Marketing Consent"], {})
    assert [column.index for column in columns.of("consent")] == [2, 1]


@pytest.mark.parametrize(
    "name",
    [
        "SMS Consent", "Email Marketing Consent", "Email and WhatsApp consent", "WhatsApp status",
        "WhatsApp opt-in timestamp", "WhatsApp consent id", "Opt-In Status", "WhatsApp opt-in list",
        "WhatsApp marketing", "Marketing status",
    ],
)  # fmt: skip
def test_names_that_are_no_consent_to_whatsapp(name):
    assert roles("Phone", name)[1] == "extra"


def test_a_country_with_a_region():
    assert roles("Phone", "Country/Region") == ["phone", "country"]


def test_a_mapping_makes_ids_of_what_looks_like_none():
    header, rows = ["Contact ID", "phone", "source"], [["17", "+14155550102", "x"]]
    given = {"Contact ID": "contact_id"}
    columns = csv_columns.of_header(header, given, rows)
    assert [column.role for column in columns.all] == ["contact_id", "phone", "ignored"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "an Excel workbook; save it as CSV"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK", "LibreOffice"),
        (b"PK\x03\x04contacts.csv", "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "an Excel workbook; save it as CSV"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:+14155550123\r\n", "a vCard; export .* as CSV"),
        (b"\xef\xbb\xbf\r\nbegin:vcard\nversion:2.1\n", "a vCard"),
        ("\ufeffBegin:vCard\n".encode("utf-16-le"), "a vCard"),
    ],
)
def test_a_file_that_is_no_text(data, word):
    with pytest.raises(Refused, match=word):
        csv_heads.read(data, Options(), is_whole=True)


def test_email_consent_of_a_shop_is_no_consent_to_whatsapp():
    assert roles("phone", "Accepts Email Marketing", "Accepts Marketing") == [
        "phone",
        "extra",
        "extra",
    ]


def test_a_mapping_comes_first():
    assert roles("Phone", "Mobile no", **{"mobile NO": "phone", "Phone": "extra"}) == [
        "extra",
        "phone",
    ]


@pytest.mark.parametrize(
    ("cells", "mapping", "word"),
    [
        (["a", "b"], {}, "a=phone"),
        (["phone"], {"tel": "phone"}, "tel"),
        (["phone"], {"phone": "fax"}, "must map to one of"),
        (["phone"] * 257, {}, "256"),
    ],
)
def test_a_header_that_will_not_do(cells, mapping, word):
    with pytest.raises(Refused, match=word):
        csv_columns.of_header(cells, mapping)


def test_a_file_may_have_no_header():
    head = csv_heads.read(b"+14155550123,Romain,r@example.com\n", Options(), is_whole=True)
    assert [c.role for c in head.columns.all] == ["phone", "name", "email"]
    assert (head.offset, head.line) == (0, 1)


def test_names_that_stand_twice_are_told_apart():
    columns = csv_columns.of_header(["phone", "note", "note", ""], {})
    assert [c.name for c in columns.all] == ["phone", "note", "note (2)", "column 4"]


def test_only_an_export_has_columns_that_are_left_alone():
    assert roles("phone", "source", "created_at") == ["phone", "extra", "extra"]
    assert roles("contact_id", "phone", "source") == ["contact_id", "phone", "ignored"]


@pytest.mark.parametrize(
    ("data", "delimiter", "line", "offset"),
    [
        (b"name,phone\n", ",", 2, 11),
        (b"name;phone\na,b;1\n", ";", 2, 11),
        (b"name\tphone\n", "\t", 2, 11),
        (b"name|phone\n", "|", 2, 11),
        (b"phone\n+14155550123\n", ",", 2, 6),
        (b"sep=;\r\nname;phone\r\n", ";", 3, 19),
        (b"\xef\xbb\xbfname;phone\n", ";", 2, 14),
        (b'"na\nme","phone"\n', ",", 3, 16),
    ],
)
def test_the_beginning_of_a_file(data, delimiter, line, offset):
    head = csv_heads.read(data, Options(), is_whole=True)
    assert (head.delimiter, head.line, head.offset) == (delimiter, line, offset)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b'"name\n', b"a\0b,phone\n"])
def test_a_file_without_a_header_that_can_be_read(data):
    with pytest.raises(Refused):
        csv_heads.read(data, Options(), is_whole=True)
