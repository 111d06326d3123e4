"""The dashboard's entry: navigation and the frame that all pages share."""

from pathlib import Path

import streamlit as st

from app import class_link, leftovers, routes, stale_reruns
from app.components import frame, top

stale_reruns.install()
leftovers.install()
IMAGES = Path(__file__).parent.parent / "assets" / "images"

st.set_page_config(page_title="Poisonscope", page_icon=str(IMAGES / "icon.png"), layout="wide")
st.logo(str(IMAGES / "logo.png"), size="large", icon_image=str(IMAGES / "icon.png"))
chosen = st.navigation(
    {section: [routes.page(name) for name in names] for section, names in routes.SECTIONS.items()},
    position="hidden" if class_link.hides("nav") else "sidebar",
    expanded=True,
)
stale_reruns.note(chosen)
frame.draw(lesson=chosen.url_path == "learn")
if chosen.url_path != "learn":  # where every step is a place of its own
    top.of(chosen.url_path)
chosen.run()
