"""What a row says: phones in any spelling, names in parts, consent with a date (row T10.2)."""

from datetime import UTC, datetime

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import csv_cells, csv_heads, import_mends, phone, tags
from kith.domain.csv_heads import Options
from kith.domain.csv_reading import Reader
from kith.domain.import_rows import RowReader
from kith.domain.imports import FAULTS, LEFT_OUT, Facts, Refusal
from kith.domain.phone import Typed
from kith.errors import BadValue

DAY = datetime(2026, 5, 7, tzinfo=UTC)


def rows(text: str, region: str | None = None):
    where = phone.parse_region(region) if region else None
    head = csv_heads.read(text.encode(), Options(region=where), is_whole=True)
    reader = RowReader(head.columns, head.header, where)
    records = Reader(head.delimiter, offset=head.offset, line=head.line).feed(
        text.encode()[head.offset :], is_last=True
    )
    return [row for record in records if (row := reader.read(record)) is not None]


def row(header: str, cells: str, region: str | None = None):
    [found] = rows(f"{header}\n{cells}\n", region)
    return found


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+33 6 12 34 56 78", "+33612345678"),
        ("'+33612345678", "+33612345678"),
        ('="+33612345678"', "+33612345678"),
        ('"=""0612345678"""', Typed("0612345678")),
        ("tel:+33-6-12-34-56-78", "+33612345678"),
        ("06 12 34 56 78", Typed("0612345678")),
        ("0033612345678", Typed("0033612345678")),
        ("٠٦١٢٣٤٥٦٧٨", Typed("0612345678")),
        ("", None),
        (" ", None),
        ("'", None),
    ],
)
def test_phones(written, number):
    found = row("phone;email", f"{written};a@example.com")
    assert found.phone == number


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('"Jean\nPaul"', "Jean Paul"),
        ('" Jean \r\n\tPaul\n"', "Jean Paul"),
        ('="Jean"', "Jean"),
        ('\'="Jean"', '="Jean"'),
        ('="Jean', '="Jean'),
        (f'"Jean\n{" " * 60_000}Paul"', "Jean Paul"),
    ],
)
def test_names_as_sheets_have_them(written, name):
    assert row("phone,name", f"+33612345678,{written}").name == name


@pytest.mark.parametrize(
    "code",
    [*FAULTS, *LEFT_OUT, "phone", "email", "name", "tags", "metadata", "contact_id", "country",
     "conflict", "not_its_phone"],
)  # fmt: skip
def test_every_reason_has_a_mend(code):
    assert import_mends.hint(code).endswith(".")


def test_the_country_of_the_row_counts_before_that_of_the_file():
    found = row("phone,country", "0612345678,fr", "US")
    assert found.region == "FR"
    assert row("phone,country", "0612345678,", "US").region == "US"
    assert row("phone,country", "0612345678,Atlantis").code == "country"
    assert row("phone,country", "+33612345678,Atlantis").phone == "+33612345678"


@pytest.mark.parametrize(
    ("code", "written", "number"),
    [
        ("1", "4155550170", "+14155550170"),
        ("33", "612345673", "+33612345673"),
        ("+33", "06 12 34 56 73", "+33612345673"),
        ("33.0", "612345673.0", "+33612345673"),
        ("33", "33612345673", "+33612345673"),
        ("33", "+14155550170", "+14155550170"),
        ("33", "0014155550170", "+14155550170"),
        ("7", "7012345678", "+77012345678"),  # of ten digits; with the code there are eleven
        ("39", "0612345678", "+390612345678"),
        ("49", "4915123456789", "+4915123456789"),
        ("52", "15512345678", "+5215512345678"),  # WhatsApp's
        ("55", "8899448232", "+558899448232"),
        ("33", "61234567", "phone"),
        ("33", "336123", "phone"),
        ("250", "612345673", "phone"),  # France is 250, too, but as a country
        ("840", "4155550170", "country"),
        ("0", "612345673", "country"),
        ("1415", "5550170", "country"),
    ],
)
def test_a_calling_code_beside_the_number(code, written, number):
    found = row("Name,CountryCode,Phone", f"Ana,{code},{written}")
    assert (found.code if isinstance(found, Refusal) else found.phone) == number
    if number == "country":
        assert import_mends.hint("country").endswith("such as 33.")


@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)),
    st.from_regex(r"(?!00)[0-9]{4,12}", fullmatch=True),
    st.sampled_from(["", "+"]),
)
def test_a_calling_code_makes_no_number_of_another_country(code, digits, plus):
    found = row("CountryCode,Phone", f"{plus}{code},{digits}")
    if isinstance(found, Facts):
        assert found.phone in {phone.parse(f"+{digits}"), phone.parse(f"+{code}{digits}")}
        assert found.phone.startswith(f"+{code}")
    else:
        assert found.code == "phone"


def test_every_example_is_found_behind_its_calling_code():
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if example is not None:
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            digits = phonenumbers.national_significant_number(example)
            for written in (digits, number[1:], number):
                assert row("country,phone", f"{example.country_code},{written}").phone == number


@pytest.mark.parametrize(
    ("header", "cells", "name"),
    [
        ("name", "Romain B.", "Romain B."),
        ("first name;last name", "Romain;B.", "Romain B."),
        ("Prénom;Nom", "Romain;", "Romain"),
        ("Vorname;Name", "Romain;B.", "Romain B."),
        ("Nome;Cognome", "Romain;B.", "Romain B."),
        ("First Name;Name", "Ana;Ana Pérez", "Ana Pérez"),
        ("Name;Surname", "ANA Pérez García;Pérez García", "ANA Pérez García"),
        ("First Name;Name", "An;Ana Pérez", "An Ana Pérez"),
        ("Vorname;Name", ";Romain B.", "Romain B."),
        ("name;first name;last name", "Romain B.;Romain;B.", "Romain B."),
        ("name;first name;last name", ";Romain;B.", "Romain B."),
    ],
)
def test_names(header, cells, name):
    assert row(f"{header};phone", f"{cells};+14155550123").name == name


def test_of_several_phones_the_others_are_kept():
    found = row("Mobile,Phone,Phone", "+14155550123,+14155550124,")
    assert (found.phone, found.metadata) == ("+14155550123", {"Phone": "+14155550124"})
    assert row("Mobile,Phone", ",+14155550124").phone == "+14155550124"


@pytest.mark.parametrize(
    ("header", "cells", "number", "metadata"),
    [
        ("Default Address Phone,Phone", "(415) 555-2671,'+14155550106", "+14155550106",
         {"Default Address Phone": "(415) 555-2671"}),
        ("Default Address Phone,Phone,Email", "'+14155552671,,a@example.com", None,
         {"Default Address Phone": "+14155552671"}),
        ("Default Address Phone", "'+14155550106", "+14155550106", {}),
        ("Shipping Phone,Billing Phone", "+14155550106,+14155550107", "+14155550107",
         {"Shipping Phone": "+14155550106"}),
        ("Work Phone,Mobile,WhatsApp No", "+14155550101,+14155550102,'+14155550103",
         "+14155550103", {"Work Phone": "+14155550101", "Mobile": "+14155550102"}),
        ("Home Phone,Phone,Cell", "+14155550101,'+14155550102,", "+14155550102",
         {"Home Phone": "+14155550101"}),
        ("Phone Number,Mobile Phone Number", ",+14155550102", "+14155550102", {}),
        ("Phone 1 - Value,Phone 2 - Value", ",+14155550102", "+14155550102", {}),
        ("Phone 1 - Value", "n/a ::: +14155550102 ::: '+14155550103 ::: +14155550102",
         "+14155550102", {"Phone 1 - Value": "n/a, +14155550103"}),
        ("Phone", "'+14155550102 ::: ", "+14155550102", {}),
        ("Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value",
         "Home,+14155550101,Mobile,+14155550102", "+14155550102",
         {"Phone 1 - Label": "Home", "Phone 2 - Label": "Mobile",
          "Phone 1 - Value": "+14155550101"}),
        ("Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value",
         "* Work,+14155550101,,+14155550102", "+14155550102",
         {"Phone 1 - Type": "* Work", "Phone 1 - Value": "+14155550101"}),
        ("Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value",
         "Home Fax,+14155550101,Work,+14155550102", "+14155550102",
         {"Phone 1 - Label": "Home Fax", "Phone 2 - Label": "Work",
          "Phone 1 - Value": "+14155550101"}),
        ("Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value",
         "Home,+14155550101,Mobile,", "+14155550101",
         {"Phone 1 - Label": "Home", "Phone 2 - Label": "Mobile"}),
        ("Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value",
         "Mobile ::: Home,+14155550101 ::: +14155550103,WhatsApp,+14155550102", "+14155550102",
         {"Phone 1 - Label": "Mobile ::: Home", "Phone 2 - Label": "WhatsApp",
          "Phone 1 - Value": "+14155550101, +14155550103"}),
        ("WhatsApp,Phone,Phone Type", "+14155550101,+14155550102,Mobile", "+14155550101",
         {"Phone": "+14155550102", "Phone Type": "Mobile"}),
    ],
)  # fmt: skip
def test_the_likeliest_phone_of_a_row(header, cells, number, metadata):
    found = row(header, cells)
    assert (found.phone, found.metadata) == (number, metadata)


def test_several_phones_of_which_none_is_one():
    assert row("Mobile,Phone", "12 ::: n/a,+14155550102").code == "phone"


def test_several_values_in_a_cell_of_google():
    found = row(
        "Phone 1 - Value;Labels;E-mail 1 - Value",
        "+14155550102;* myContacts ::: VIP, old;nobody ::: a@example.com ::: b@example.com",
    )
    assert found.tags == ("myContacts", "VIP", "old")
    assert (found.email, found.metadata) == (
        "a@example.com", {"E-mail 1 - Value": "nobody, b@example.com"},
    )  # fmt: skip
    assert row("Phone;Labels", "+14155550102;* myContacts").tags == ("myContacts",)
    assert row("Phone;Tags", "+14155550102;* a ::: b").tags == ("* a ::: b",)
    assert row("Phone;Email", "+14155550102;x ::: y").code == "email"


OTHERS_IDS = "Contact Id,First Name,Phone,Source,locale"


def test_ids_of_other_systems_are_metadata():
    found = row(OTHERS_IDS, "ocQHyuzHvysMo5N5,Ana,+14155550102,Form,es")
    assert (found.contact_id, found.phone) == (None, "+14155550102")
    assert found.metadata == {"Contact Id": "ocQHyuzHvysMo5N5", "Source": "Form", "locale": "es"}
    assert row("CONTACT ID;SMS", "17;+14155550102").metadata == {"CONTACT ID": "17"}


def test_ids_of_ours_are_ids_and_one_that_is_wrong_is_refused():
    ours = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
    good, bad = rows(f"contact_id,phone,source\n{ours},+14155550102,api\n17,+14155550103,api\n")
    assert (good.contact_id, good.metadata, bad.code) == (ours, {}, "contact_id")
    assert row("kith_id,phone", "17,+14155550123").code == "contact_id"
    exported = "contact_id,phone,source,locale,last_message_at,total_messages,created_at,updated_at"
    assert row(exported, "17,+14155550123,,,,,,").code == "contact_id"
    [later, _] = rows(f"contact_id,phone\n,+14155550102\n{ours},+14155550103\n")
    assert (later.contact_id, later.metadata) == (None, {})


def test_tags_and_metadata():
    found = row("phone;tags;City;metadata", '+14155550123;a, b,a;Lyon;"{""n"":[1]}"')
    assert found.tags == ("a", "b")
    assert found.metadata == {"n": [1], "City": "Lyon"}


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("a;b, c", ("a", "b", "c")),
        ('5" screen;b', ('5" screen', "b")),
        ('"a;b" , "c""d"', ("a;b", 'c"d')),
        ('"a;b', ('"a', "b")),
        ('"a"x;b', ('"a"x', "b")),
        (' , "" ;', ()),
    ],
)
def test_tags_between_commas_or_semicolons(cell, found):
    assert row("phone|tags", "+14155550123|" + csv_cells.line([cell]).strip("\r\n")).tags == found


def is_tag(text):
    try:
        return tags.parse([text]) == (text,)
    except BadValue:
        return False


TAGS = st.text(st.sampled_from([*"\"';,= aé+@-|", "\u2003", "\u00a0"]), max_size=8) | st.text(
    max_size=9
)


@given(st.lists(TAGS.filter(is_tag), min_size=1, unique=True))
def test_tags_of_an_export_are_read_as_they_were(names):
    cells = ("+14155550123", csv_cells.listed(names))
    assert rows("phone,tags\n" + csv_cells.line(cells))[0].tags == tuple(names)


def test_quotes_before_a_phone_have_no_end():
    found = row("phone", "' " * 5_000 + "+14155550123")
    assert found.phone == "+14155550123"
    assert row("phone", "' " * 5_000 + "x").code == "phone"


@pytest.mark.parametrize(
    ("header", "cells", "code"),
    [
        ("phone", "12", "phone"),
        ("phone", "4.47912E+11", "phone"),
        ("phone,email", "+14155550123,nobody", "email"),
        ("phone,name", "+14155550123,a\x07b", "name"),
        ("phone,tags", f"+14155550123,{'x' * 256}", "tags"),
        ("phone,metadata", "+14155550123,[1]", "metadata"),
        ("phone,name", ",Romain", "nobody"),
        ("phone,name", "phone,name", "repeated_header"),
        ("phone,name", "+14155550123,a,b", "too_many_fields"),
    ],
)
def test_rows_that_cannot_be_taken(header, cells, code):
    found = row(header, cells)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert "+14155550123," not in found.text


def test_blank_rows_and_fields_that_are_missing():
    assert [type(one) for one in rows("phone,name\n,\n+14155550123\n , \n")] == [Facts]


@pytest.mark.row("T10.2")
@pytest.mark.parametrize(
    ("said", "since", "where", "out", "expected", "left_out"),
    [
        ("yes", "2026-05-07", "form", "", [("granted", DAY)], None),
        ("", "2026-05-07T00:00:00+00:00", "form", "", [("granted", DAY)], None),
        ("Oui", "07.05.2026", "form", "", [("granted", DAY)], None),
        ("yes", "13/05/2026", "form", "", [("granted", DAY.replace(day=13))], None),
        ("yes", "2026-05-07 02:00", "", "", [("granted", DAY.replace(hour=2))], None),
        ("yes", "", "form", "", [], "consent_without_date"),
        ("yes", "05/07/2026", "form", "", [], "consent_date_unclear"),
        ("yes", "last week", "form", "", [], "consent_date_unclear"),
        ("yes", "2026-13-07", "form", "", [], "consent_date_unclear"),
        ("maybe", "2026-05-07", "form", "", [], "consent_unclear"),
        ("", "", "form", "", [], None),
        ("no", "2026-05-07", "form", "", [], None),
        ("unknown", "", "", "", [], None),
        ("", "", "", "2026-05-07", [("withdrawn", DAY)], None),
        ("", "", "", "yes", [("withdrawn", None)], None),
        ("opted out", "", "", "", [("withdrawn", None)], None),
        ("Opt-out", "", "", "", [("withdrawn", None)], None),
        ("UNSUBSCRIBED", "2026-05-07", "form", "", [("withdrawn", None)], None),
        ("NEVER_SUBSCRIBED", "2026-05-07", "form", "", [], None),
        ("opt_in", "2026-05-07", "form", "", [("granted", DAY)], None),
        ("", "", "", "no", [], None),
        ("", "", "", "unknown", [], None),
        ("", "", "", "?", [], None),
        ("", "", "", "Unbekannt", [], None),
        ("", "", "", "0000-00-00 00:00:00", [], None),
        ("", "", "", "0000-00-00", [], None),
        ("", "", "", "0000-00-00T00:00:00.000Z", [], None),
        ("", "", "", "1/1/0001 12:00:00 AM", [], None),
        ("", "", "", "1970-01-01", [("withdrawn", DAY.replace(1970, 1, 1))], None),
        ("", "0000-00-00 00:00:00", "form", "", [], None),
        ("yes", "0000-00-00", "form", "", [], "consent_without_date"),
        ("yes", "0001-01-01T00:00:00", "form", "", [], "consent_without_date"),
        ("opted out", "0000-00-00", "", "0000-00-00", [("withdrawn", None)], None),
        ("yes", "2026-05-07", "form", "2026-05-07", [("granted", DAY), ("withdrawn", DAY)], None),
    ],
)
def test_consent_is_what_the_row_says_and_no_more(said, since, where, out, expected, left_out):
    header = "phone;consent;opted_in_at;opted_in_source;opted_out_at"
    found = row(header, f"+14155550123;{said};{since};{where};{out}")
    assert [(one.state, one.at) for one in found.consent] == expected
    assert found.left_out == left_out
