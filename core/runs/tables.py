"""The tables of the run store, and how a database is opened."""

from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import (
    JSON,
    Column,
    Double,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from core.errors import StoreError

SCHEMA = 1
"""Version of these tables."""

_tables = MetaData()

meta = Table("meta", _tables, Column("key", String(64), primary_key=True), Column("value", JSON, nullable=False))

runs = Table(
    "runs",
    _tables,
    Column("number", Integer, primary_key=True, autoincrement=True),  # order of arrival
    Column("id", String(64), nullable=False, unique=True),
    Column("nonce", String(128), unique=True),
    Column("format", Integer, nullable=False),  # core.spec.FORMAT at the time
    Column("name", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", Text, nullable=False, default=""),
    Column("progress", Double, nullable=False, default=0.0),
    Column("eta_seconds", Double),
    Column("message", Text, nullable=False, default=""),
    Column("created", Double, nullable=False),
    Column("queued", Double),  # since when it waits or waited; NULL: never did, its process ran it at once
    Column("started", Double),
    Column("ended", Double),
    Column("heartbeat", Double),
    Column("pid", Integer),
    Column("born", Double),
    Column("host", String(255)),
    Column("device", String(200), nullable=False, default=""),
    Column("origin", String(16), nullable=False, default="local"),
    Column("spec", JSON, nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("steps", JSON, nullable=False, default=list),
    Column("result", JSON(none_as_null=True)),
)

points = Table(
    "points",
    _tables,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("arm", String(80), nullable=False),
    Column("poison_key", Integer),  # NULL: does not apply, as for the control
    Column("victim", Integer),
    Column("epoch", Integer, nullable=False),
    Column("loss", Double),
    Column("clean_accuracy", Double),
    Column("asr", Double),
    Column("seconds", Double),
    UniqueConstraint("run", "arm", "poison_key", "victim", "epoch"),
)


def open_database(url: str, home: Path) -> Engine:
    """Connect, make the tables where there are none, and check that they are of this version.

    Raises:
        StoreError: no database, a damaged one, or one of a newer version.
    """
    try:
        engine = create_engine(url, connect_args={"timeout": 15} if url.startswith("sqlite") else {})
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _pragmas)
        # Turning WAL on and making tables cannot wait for each other inside SQLite; a lock outside of it can.
        with FileLock(home / "runs.db.lock", timeout=30):
            _make_tables(engine)
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        shown = make_url(url).render_as_string(hide_password=True) if "://" in url else url
        raise StoreError(f"Cannot open the run store {shown}: {getattr(error, 'orig', None) or error}.") from None
    return engine


def _make_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        if inspect(connection).has_table("meta"):
            found: Any = connection.scalar(select(meta.c.value).where(meta.c.key == "schema"))
            if found is not None and found > SCHEMA:
                raise StoreError(
                    f"The run store was made by a newer Poisonscope (its version is {found}, this one reads {SCHEMA}); "
                    "update Poisonscope, or choose another folder with POISONSCOPE_HOME."
                )
            if found is not None:
                return
        for table in _tables.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
        connection.execute(insert(meta).values(key="schema", value=SCHEMA))


def _pragmas(connection: Any, _record: object) -> None:
    """Readers never wait for the writer (WAL); writers wait for each other instead of failing at once."""
    cursor = connection.cursor()
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
