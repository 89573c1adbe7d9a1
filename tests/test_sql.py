"""SQL stands in the store, names the tenant, and is never put together from what callers send."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

KITH = Path(__file__).parents[1] / "src" / "kith"
STORE = {path.name: ast.parse(path.read_text()) for path in sorted((KITH / "store").glob("*.py"))}
MIGRATIONS = "\n".join(p.read_text() for p in sorted((KITH / "store/migrations").glob("*.sql")))

STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (TABLE|INDEX|UNIQUE)|ALTER TABLE|DROP"
    r"|PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|WITH \w+ AS)\b"
)
TABLES = dict(
    re.findall(r"^CREATE TABLE (\w+) \((.*?)(?:^\)|\);)", MIGRATIONS, re.MULTILINE | re.DOTALL)
)
# A user may have no workspace, and a token is found by its digest alone: that is where a tenant
# comes from. Everything else belongs to a tenant from the start.
OWNED = {name for name, body in TABLES.items() if "tenant_id BIGINT NOT NULL" in body}
# What is done after writes, whoever made them: nobody asks for it, and each row names the tenant
# that it belongs to.
AFTER_WRITES = re.compile(r"\b(contact_search_pending|unswept_erasures)\b")
OWNED -= {name for name in OWNED if AFTER_WRITES.match(name)}
# A worker takes whatever is due, whoever's it is; the job says for whom it is done.
OWNED.discard("jobs")
# A connection is found by its id alone, as a token is by its digest.
FOUND_ALONE = re.compile(r"FROM connections c WHERE c\.uuid = :uuid\b")
NAMED = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+(?:AS\s+)?([a-z]\w*))?")
VIEWS = dict(re.findall(r"^CREATE VIEW (\w+) AS(.*?);$", MIGRATIONS, re.MULTILINE | re.DOTALL))
for view, text in VIEWS.items():  # in the order of the migrations: a view may stand on a view
    if OWNED & {name for name, _ in NAMED.findall(text)}:
        OWNED.add(view)
TENANT = re.compile(r"(?<![\w.:])(?:\w+\.|:)?tenant_id\b")
TIE = re.compile(rf"({TENANT.pattern}) = ({TENANT.pattern})")
INSERT = re.compile(r"\bINTO\s+(\w+) \((\w+).*?(?:\bVALUES \(|\bSELECT )([\w.:]+)", re.DOTALL)
KEY = re.compile(r"(?:PRIMARY KEY|UNIQUE|FOREIGN KEY) \((\w+)")
INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) \((\w+)")


def docstrings(tree: ast.AST) -> set[ast.AST]:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, holders) and node.body]
    return {
        node.value
        for node in first
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(KITH.rglob("*.py")) if path.parent.name != "store"],
    ids=lambda path: path.relative_to(KITH).as_posix(),
)
def test_sql_stands_in_the_store_only(path):
    tree = ast.parse(path.read_text())
    skipped = docstrings(tree)
    found = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in skipped
        and STATEMENT.match(node.value)
    ]
    assert found == []


# The tenant lint.


def folded(node: ast.AST, constants: dict[str, str]) -> str | None:
    """The text of a string expression; `{}` stands for what cannot be known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return "".join(folded(part, constants) or "{}" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return folded(node.value, constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = folded(node.left, constants), folded(node.right, constants)
        return None if parts == (None, None) else "".join(part or "{}" for part in parts)
    return None


def texts(tree: ast.Module) -> Iterator[str]:
    """Every string expression, whole: constants put in, parts not listed again."""
    constants: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and (text := folded(node.value, constants)) is not None:
            constants[ast.unparse(node.targets[0])] = text
    skipped = docstrings(tree)
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if node in skipped:
            continue
        if not isinstance(node, ast.Name) and (text := folded(node, constants)) is not None:
            yield text
        else:
            waiting.extend(ast.iter_child_nodes(node))


def tied(sql: str, known: set[str]) -> set[str]:
    """The `tenant_id` columns that equal one of `known`, directly or by way of each other."""
    ties = [set(pair) for pair in TIE.findall(sql)]
    reached = set(known)
    for _ in ties:
        reached.update(*(tie for tie in ties if tie & reached))
    return reached


def loose(sql: str, reached: set[str]) -> list[str]:
    """The tenant-owned tables and views that a text reads or changes past `reached`."""
    sources = [(name, alias) for name, alias in NAMED.findall(sql) if name in OWNED]
    columns = [f"{alias or name}.tenant_id" for name, alias in sources]
    if len(sources) == 1 and not sources[0][1]:
        columns = ["tenant_id"]  # among several, a bare column proves nothing
    is_twice = len(set(columns)) < len(columns)
    return [
        f"{name} in: {sql}"
        for (name, _), column in zip(sources, columns, strict=True)
        if is_twice or column not in reached
    ]


def without_tenant(sql: str) -> list[str]:
    """The tenant-owned tables and views that nothing ties to the caller's tenant.

    Each needs its own `tenant_id = :tenant_id`, or a join on the `tenant_id` of one that has it.
    """
    if AFTER_WRITES.search(sql) or FOUND_ALONE.search(sql):
        return []
    known = {":tenant_id"}
    if not STATEMENT.match(sql):  # a part of a statement may lean on names that stand outside of it
        here = {alias or name for name, alias in NAMED.findall(sql)}
        known |= {c for c in TENANT.findall(sql) if "." in c and c.split(".")[0] not in here}
    reached = tied(sql, known)
    written = [
        f"{name} in: {sql}"
        for name, column, value in INSERT.findall(sql)
        if name in OWNED and not (column == "tenant_id" and value in reached)
    ]
    unread = {name for name in re.findall(r"\bINTO\s+(\w+)", sql) if name in OWNED}
    unread -= {name for name, _, _ in INSERT.findall(sql)}
    return loose(sql, reached) + written + [f"{name} in: {sql}" for name in sorted(unread)]


def copied_without_tenant(tree: ast.Module) -> list[str]:
    """Bulk inserts of a tenant-owned table whose columns do not begin with the tenant."""
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.copy":
            columns = node.args[1]
            if isinstance(columns, ast.Name):
                columns = constants.get(columns.id, columns)
            names = ast.literal_eval(columns)
            if ast.literal_eval(node.args[0]) in OWNED and "tenant_id" not in names:
                found.append(ast.unparse(node))
    return found


def test_the_tenant_owned_tables_are_known():
    assert {"contacts", "identities", "tags", "contact_tags"} <= OWNED
    assert {"audit_log", "idempotency_keys", "suppressions", "consent_records"} <= OWNED
    assert "contact_documents" in OWNED
    assert not OWNED & {"tenants", "users", "tokens"}


@pytest.mark.row("T1.2")
@pytest.mark.parametrize("view", sorted(OWNED & set(VIEWS)))
def test_a_view_gives_the_tenant_of_everything_it_joins(view):
    """Its first column is the tenant, and whatever else it reads is joined on it."""
    first = re.match(r"\s*SELECT\s+(\w+\.tenant_id),", VIEWS[view])
    assert first
    assert loose(VIEWS[view], tied(VIEWS[view], {first[1]})) == []


@pytest.mark.row("T1.2")
@pytest.mark.parametrize("name", STORE)
def test_every_statement_names_the_tenant(name):
    assert [fault for sql in texts(STORE[name]) for fault in without_tenant(sql)] == []
    assert copied_without_tenant(STORE[name]) == []


@pytest.mark.row("T1.2")
@pytest.mark.parametrize(
    "code",
    [
        'run("SELECT name FROM contacts WHERE id = :id")',
        'run("UPDATE contacts SET name = :name WHERE id = :id")',
        'run("DELETE FROM tags WHERE id = :id")',
        'run("INSERT INTO identities (kind, value) VALUES (:kind, :value)")',
        '_OF = " FROM contacts c WHERE c.id = :id"\nrun(f"SELECT c.name{_OF}")',
        'run("SELECT name" + " FROM contact_tags x JOIN tags t ON t.id = x.tag_id"'
        ' " WHERE x.tenant_id = :tenant_id")',
        'run("SELECT c.name FROM identities i JOIN contacts c ON c.tenant_id = i.tenant_id"'
        ' " AND c.id = i.contact_id WHERE i.value = :phone")',
        'run("SELECT document FROM contact_documents WHERE uuid = :uuid")',
        'run("SELECT d.document FROM identities i JOIN contact_documents d ON d.id = i.contact_id"'
        ' " WHERE i.tenant_id = :tenant_id")',
        'run("SELECT name FROM tags WHERE tenant_id = tenant_id")',
        'run("SELECT tenant_id, :tenant_id FROM tags")',
        'run("DELETE FROM tags WHERE tenant_id = :tenant_id"'
        ' " AND id NOT IN (SELECT tag_id FROM contact_tags)")',
        'run("INSERT INTO tags (tenant_id, name) VALUES (:other, :name)")',
        'run("INSERT INTO tags VALUES (:tenant_id, :name)")',
        'run("INSERT INTO tags (tenant_id, name) SELECT :tenant_id, c.name FROM contacts c")',
    ],
)
def test_a_statement_without_the_tenant_is_noticed(code):
    assert [fault for sql in texts(ast.parse(code)) for fault in without_tenant(sql)]


def each_removed(sql: str) -> list[str]:
    """The statement without its tenant in one place, for every place it stands in.

    But for the columns of an ON CONFLICT: the database refuses those that are no key of a table.
    """
    keys = [m.span() for m in re.finditer(r"ON CONFLICT \([^)]*\)", sql)]
    return [
        sql[: m.start()] + "0" + sql[m.end() :]
        for m in TENANT.finditer(sql)
        if not any(start < m.start() < end for start, end in keys)
    ]


@pytest.mark.row("T1.2")
@pytest.mark.parametrize("name", STORE)
def test_removing_the_tenant_from_any_one_place_is_noticed(name):
    for sql in texts(STORE[name]):
        if OWNED & set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)", sql)):
            if AFTER_WRITES.search(sql) or FOUND_ALONE.search(sql):
                continue
            assert each_removed(sql)
            assert [changed for changed in each_removed(sql) if not without_tenant(changed)] == []


SEARCHED = [sql for sql in texts(STORE["contact_search.py"]) if " MATCH " in sql]


@pytest.mark.row("T1.2")
def test_a_search_stays_within_the_tenant_s_range():
    """The index has no tenant_id: its row numbers begin with it. `after` is a contact's, or 0."""
    within = "s.rowid > (:tenant_id << 40) + :after AND s.rowid < ((:tenant_id + 1) << 40)"
    assert len(SEARCHED) >= 2
    for sql in SEARCHED:
        assert within in sql


@pytest.mark.row("T1.2")
def test_a_bulk_insert_without_the_tenant_is_noticed():
    assert copied_without_tenant(ast.parse('tx.copy("contacts", ("uuid", "name"), rows)'))


@pytest.mark.row("T1.2")
@pytest.mark.parametrize("table", sorted(OWNED & set(TABLES)))
def test_every_key_begins_with_the_tenant(table):
    first = KEY.findall(TABLES[table]) + [
        column for name, column in INDEX.findall(MIGRATIONS) if name == table
    ]
    assert first
    assert set(first) == {"tenant_id"}


# What reaches the database.

RUNNERS = {"one", "all", "run", "script", "copy", "execute", "executemany", "fetch", "fetchrow"}
RUNNERS |= {"_blocking", "executescript", "prepare", "fetchval", "copy_records_to_table"}
EXEMPT = re.compile(
    r"(sqlite|postgres)\.py \w+Tx"  # hand on what they are given; their callers are checked here
    r"|migrate\.py _apply"  # runs the numbered files of the package
)


def built_statements(name: str, tree: ast.Module) -> list[str]:
    """Calls that run something else than text written in the module."""
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }

    def is_written(node: ast.AST) -> bool:
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=text):
                return text in constants
            case ast.Subscript(value=ast.Name(id=text)):
                return text in constants
            case ast.JoinedStr(values=parts):
                return all(map(is_written, parts))
            case ast.FormattedValue(value=value):
                return is_written(value)
            case ast.BinOp(left=left, right=right, op=ast.Add()):
                return is_written(left) and is_written(right)
            case ast.IfExp(body=one, orelse=other):
                return is_written(one) and is_written(other)
        return False

    found = []
    for outer in tree.body:
        if EXEMPT.fullmatch(f"{name} {getattr(outer, 'name', '')}"):
            continue
        loops = {
            ast.unparse(node.target)
            for node in ast.walk(outer)
            if isinstance(node, ast.For)
            and isinstance(node.iter, ast.Tuple)
            and all(map(is_written, node.iter.elts))
        }
        for node in ast.walk(outer):
            if isinstance(node, ast.Call) and node.args:
                called = ast.unparse(node.func)
                is_method = "." in called or called == "execute"  # all() is Python's own
                is_runner = is_method and called.split(".")[-1] in RUNNERS
                is_loop = ast.unparse(node.args[0]) in loops
                if is_runner and not is_loop and not is_written(node.args[0]):
                    found.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    return found


@pytest.mark.row("T9.1")
@pytest.mark.parametrize("name", STORE)
def test_only_written_statements_reach_the_database(name):
    assert built_statements(name, STORE[name]) == []


@pytest.mark.row("T9.1")
@pytest.mark.parametrize(
    "code",
    [
        "async def f(tx, name):\n    await tx.one(f\"SELECT '{name}'\")",
        "async def f(tx, sql):\n    await tx.run(sql)",
        "async def f(tx, texts):\n    for sql in texts:\n        await tx.run(sql)",
        'async def f(tx, order):\n    await tx.all("SELECT 1 ORDER BY " + order)',
        'async def f(tx, order):\n    await tx.all("SELECT 1 ORDER BY {}".format(order))',
        'async def f(tx, order):\n    await tx.all("SELECT 1 ORDER BY %s" % order)',
    ],
)
def test_a_statement_built_from_a_variable_is_noticed(code):
    assert built_statements("bad.py", ast.parse(code))
