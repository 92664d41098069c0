"""
Render the API reference and the pages around it: `nox -s docs`.

pdoc renders the modules. The README becomes the front page, and the other Markdown pages look like
pdoc's. A link that leads nowhere is an error.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pdoc
from pdoc.render import configure, env
from pdoc.render_helpers import markdown_extensions, to_html

from fivetran_async import configs
from fivetran_async._services import kind_of
from fivetran_async._services.class_names import main_classes

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
PACKAGE: Final = ROOT / "fivetran_async"
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

PAGES: Final[Mapping[Path, str]] = {
    ROOT / "README.md": "index.html",
    **{
        page: f"{page.stem.lower()}.html"
        for folder in (ROOT / ".github" / "docs", ROOT / ".github")
        for page in sorted(folder.glob("*.md"))
    },
}
"""Markdown pages, in the order of the navigation, and the files they are rendered to."""

GITHUB_ANCHORS: Final = {"mixed": False, "prefix": None, "reset-count": True}
"""How anchors are made of headings: in lower case, unlike pdoc's own."""

CLASSES: Final = "config-classes.html"
CLASSES_TITLE: Final = "Classes of configs"
"""The page of the classes of `fivetran_async.configs`, which exist for type checkers only."""


class BrokenPageError(Exception):
    """A page cannot be rendered, or one of its links leads nowhere."""


def modules() -> Iterator[str]:
    """Name what pdoc documents: every public module; the command line is not imported by users."""
    yield "fivetran_async"
    for entry in sorted(PACKAGE.glob("[!_]*")):
        # pdoc does not find the modules of a package that has an `__all__`.
        if entry.name not in {"cli", "py.typed", "configs.pyi"}:
            yield f"fivetran_async.{entry.stem}"
    yield "fivetran_async.testing.plugin"
    yield r"!.*\._"
    # Each needs an orchestrator, which the environment of the reference does not have.
    yield r"!fivetran_async\.integrations\.(airflow|dagster)"


def target_of(link: str, page: Path) -> str:
    """Return the link of a Markdown page as it has to be in the rendered one."""
    if re.match(r"https?:|mailto:|#", link):
        return link
    path, hash_sign, anchor = link.partition("#")
    file = (page.parent / path).resolve()
    if file in PAGES:
        return f"{PAGES[file]}{hash_sign}{anchor}"
    if not file.exists():
        raise BrokenPageError(f"{page.relative_to(ROOT)}: the link {link!r} leads to no file")
    kind = "tree" if file.is_dir() else "blob"
    return f"{PROJECT['urls']['Source']}/{kind}/main/{file.relative_to(ROOT)}"


def picture_of(source: str, page: Path) -> Path:
    """Return the file of a picture in a Markdown page; rendered, it is beside the page."""
    file = (page.parent / source).resolve()
    if not file.is_file():
        raise BrokenPageError(f"{page.relative_to(ROOT)}: the picture {source!r} is not a file")
    return file


def copy_pictures(page: Path, output: Path) -> None:
    """Copy the pictures of a Markdown page."""
    for source in re.findall(r"!\[[^\]]*\]\((\S+)\)", page.read_text("utf-8")):
        file = picture_of(source, page)
        shutil.copyfile(file, output / file.name)


def render(page: Path) -> str:
    """Return a Markdown page as HTML."""
    # The role of a block, such as `output`, is for the tests; the renderer does not understand it.
    text = re.sub(r"(?m)^```(\w+) .*$", r"```\1", page.read_text("utf-8"))
    heading = re.match(r"# (.*)", text)
    if heading is None:
        raise BrokenPageError(f"{page.relative_to(ROOT)}: the page has to begin with its title")
    html = to_html(text)
    body = re.sub(r'(?<=href=")[^"]+', lambda found: target_of(found[0], page), html)
    # Browsers break lines behind each hyphen, also in `--json`.
    body = re.sub(r"<code>(?=[^<]{1,24}</code>)", '<code class="short">', body)
    body = re.sub(r'(?<=src=")[^"]+', lambda found: picture_of(found[0], page).name, body)
    plain = re.sub(r"(?s)<pre>.*?</pre>|<code[^>]*>.*?</code>", "", body)
    if "```" in body or re.search(r"\]\(\S+\)", plain):
        raise BrokenPageError(f"{page.relative_to(ROOT)}: Markdown is left over after rendering")
    return framed(heading[1], body, str(getattr(html, "toc_html", None) or ""))


def framed(title: str, body: str, contents: str = "") -> str:
    """Return a page with the navigation around it."""
    return env.get_template("page.html.jinja2").render(
        title=title, body=body, contents=contents, pages=titles(), modules=public_modules()
    )


def render_classes() -> str:
    """Return the page that lists the classes of every service."""
    lines = [
        "TypedDicts of [`fivetran_async.configs`](fivetran_async/configs.html), for",
        "type checkers; at run time each one makes a dict. `config show SERVICE` lists the fields.",
        "",
        "| service | kind | classes |",
        "|---|---|---|",
    ]
    for service in configs.SERVICES:
        kind = kind_of(service)
        if kind is not None:
            names = ", ".join(f"`{name}`" for name in main_classes(service, kind))
            lines.append(f"| `{service}` | {kind} | {names} |")
    return framed(CLASSES_TITLE, f"<h1>{CLASSES_TITLE}</h1>{to_html(chr(10).join(lines))}")


def titles() -> dict[str, str]:
    """Return the title of each rendered page."""
    found = {
        name: page.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        for page, name in PAGES.items()
    }
    return {**found, CLASSES: CLASSES_TITLE}


def public_modules() -> list[str]:
    """Return the modules that the navigation lists."""
    return [name for name in modules() if name.count(".") <= 1 and not name.startswith("!")]


class Anchors(HTMLParser):
    """Collects the anchors and the links of a rendered page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element can be reached by, and what it leads to."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and not re.match(r"\w+:", values.get("href", "https:")):
            self.links.add(values["href"])


def broken_links(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return every link of the rendered pages whose file or anchor does not exist."""
    pages = {path.resolve(): Anchors(path.read_text("utf-8")) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        for link in sorted(page.links):
            file, _, anchor = link.partition("#")
            target = pages.get((path.parent / unquote(file)).resolve() if file else path)
            if target is None or (anchor and unquote(anchor) not in target.anchors):
                yield path, link


def drop_guessed_links(folder: Path) -> None:
    """Remove pdoc's own links to names that our template hides; pdoc links any name it knows."""
    for path, link in broken_links(folder):
        if link.startswith("#"):
            guessed = rf'<a href="{re.escape(link)}">(.*?)</a>'
            path.write_text(re.sub(guessed, r"\1", path.read_text("utf-8")), "utf-8")


def shorten_names(folder: Path) -> None:
    """Show linked types of signatures without their module, which the link leads to."""
    for path in folder.rglob("*.html"):
        html = path.read_text("utf-8")
        # Names in texts are code; all others are in signatures and annotations.
        linked = r'((?<!<code>)<a href="[^"]*")>(fivetran_async(?:\.\w+)*\.([A-Z]\w*))</a>'
        path.write_text(re.sub(linked, r'\1 title="\2">\3</a>', html), "utf-8")


def load_names() -> None:
    """Load what modules import on first use; pdoc sees only what a module has."""
    for name in public_modules():
        module = importlib.import_module(name)
        for each in getattr(module, "__all__", ()):
            # Of the integrations, those whose package is missing here.
            with contextlib.suppress(ModuleNotFoundError):
                getattr(module, each)


def main(output: Path) -> None:
    """Render everything into a folder."""
    configure(docformat="google", show_source=False, template_directory=HERE)
    load_names()
    # Away from the checkout: pdoc warns if a module could also be a folder in the current one.
    with contextlib.chdir(HERE):
        pdoc.pdoc(*modules(), output_directory=output)
    drop_guessed_links(output)
    shorten_names(output)
    markdown_extensions["header-ids"] = GITHUB_ANCHORS
    for page, name in PAGES.items():
        copy_pictures(page, output)
        (output / name).write_text(render(page), "utf-8")
    (output / CLASSES).write_text(render_classes(), "utf-8")
    broken = [f"{path.name}: {link}" for path, link in broken_links(output)]
    if broken:
        raise BrokenPageError("Links lead nowhere:\n" + "\n".join(broken))
    sys.stdout.write(f"Rendered {len(PAGES)} pages and the reference: {output / 'index.html'}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
