"""A run comes in as the zip that another machine, or this one, exported."""

import io

import streamlit as st

from app import cache, routes
from app.components import say
from core.errors import PoisonscopeError
from core.runs.archive import import_run


def panel() -> None:
    """Folded: a place for the zip and a button; the imported run is opened."""
    with st.expander("Import run (.zip)", icon=":material/upload:"):
        given = st.file_uploader("A zip that was exported here or on another machine", type=["zip"], key="import")
        if given is None or not st.button("Import", type="primary", key="import-now"):
            return
        try:
            run_id = import_run(cache.store(), io.BytesIO(given.getvalue()))
        except PoisonscopeError as error:
            say.error(error)
            return
        routes.open_run(run_id)
