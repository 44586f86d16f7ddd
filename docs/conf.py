"""The Sphinx configuration; ``make docs`` first writes the generated pages next to it."""

import re

project = "ioadapt_theory"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.githubpages", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "contents"
html_theme = "furo"
html_title = "ioadapt_theory"
smartquotes = False  # keep primes as they are
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": ""}
exclude_patterns = ["conf.py"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types in signatures without a documentation page
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Escape |, * and _ in formulas of docstrings, which are not markup."""
    app.connect("autodoc-process-docstring", _formulas_are_text, priority=999)
    app.connect("html-page-context", _banner)


def _banner(app, page, template, context, doctree):
    """Add a link to the front page, also for pages in folders."""
    front = context["pathto"]("index.html", resource=True)
    context["theme_announcement"] = f'<a href="{front}">Introduction in ten minutes</a>'


def _formulas_are_text(app, what, name, obj, options, lines):
    lines[:] = [_escaped(line) for line in lines]


def _escaped(line: str) -> str:
    if line.lstrip().startswith((">>>", "...", ":", "..")):
        return line
    parts = re.split(r"(``.*?``|`.*?`|\*\*?\S.*?\*\*?)", line)
    return "".join(part if k % 2 else part.replace("|", "\\|") for k, part in enumerate(parts))
