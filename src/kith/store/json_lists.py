"""A list as one parameter of a statement: JSON, whose values are the rows `j` in either engine."""

from kith.store.database import Engine


def each_text(parameter: str) -> dict[Engine, str]:
    """Of a list of strings or numbers: `j.value` is one of them; on PostgreSQL always a text."""
    return {
        "sqlite": f"json_each(:{parameter}) j",
        "postgres": f"json_array_elements_text(CAST(:{parameter} AS JSON)) j (value)",
    }


def each_list(parameter: str) -> dict[Engine, str]:
    """Of a list of lists: `j.value ->> 0` is the first of one."""
    return {
        "sqlite": f"json_each(:{parameter}) j",
        "postgres": f"json_array_elements(CAST(:{parameter} AS JSON)) j (value)",
    }
