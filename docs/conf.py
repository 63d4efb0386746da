"""How Sphinx makes the site of the documentation: `tox -e docs`.

Its source is the whole checkout, so that a link between two pages is the same in the site and on GitHub.
"""

from pathlib import Path

from sphinx.addnodes import pending_xref

project = "LVM-Med Bench"
copyright = "the developers of LVM-Med Bench"
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "docs/tutorials/*.ipynb"]
exclude_patterns = [".*", "build", "results", "work", "pretraining", "docs/tutorials/*/**"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
suppress_warnings = [
    "myst.header",  # pages may go from a title to a heading of the third level
    "toc.not_included",  # docs/evidence/tables.md; tests/test_docs.py looks for the others in index.md
]

nb_execution_mode = (
    "off"  # notebooks show the outputs that they have; tests/test_docs.py compares them
)
myst_heading_anchors = 3  # the anchors that GitHub gives to headings
default_role = "py:obj"  # `name` in a docstring is a link if the site has a page for it
autodoc_typehints = "none"  # the sections of a docstring state the types
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False  # autodoc shows them

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["notebooks.css"]
html_extra_path = ["_extra"]  # index.html, which leads to docs/index.html


def setup(app):
    app.connect("doctree-read", show_folders_as_text)


def show_folders_as_text(app, page):
    """Take the links to folders out of a page: the site has files alone."""
    for link in list(page.findall(pending_xref)):
        if (Path(page["source"]).parent / link["reftarget"]).is_dir():
            link.replace_self(link.children)
