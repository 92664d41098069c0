"""
Run mypy and pyright, both strict, on the Python blocks of the README and the guides.

    python tests/typing/recipes.py

Each block becomes a file of its own. A fragment becomes the body of a coroutine function with
`fivetran`, an open session.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

# The blocks are found as the tests that execute them find them.
sys.path.insert(0, str(Path(__file__).parents[1]))

from support.pages import GUIDES, README, Block, blocks

WRAPPED = """\
from fivetran_async import AsyncFivetran


async def fragment(fivetran: AsyncFivetran) -> None:
{body}
"""


def is_fragment(text: str) -> bool:
    """Return True if a block uses the session that surrounds it, or awaits outside of functions."""
    try:
        tree = compile(text, "block", "exec", ast.PyCF_ONLY_AST)
    except SyntaxError:
        return True
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return "fivetran" in {node.id for node in names} - stored or _awaits(tree)


def _awaits(tree: ast.AST) -> bool:
    """Return True if something is awaited outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _awaits(node):
            return True
    return False


def module_of(block: Block) -> str:
    """Return the text of the file for a block."""
    if not is_fragment(block.text):
        return block.text
    return WRAPPED.format(body=textwrap.indent(block.text, "    "))


def main() -> int:
    """Print what the checkers find; the exit code is 1 if they find something."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for block in blocks("python", README, *GUIDES):
            file = folder / f"{block.page.stem.lower()}_line_{block.line}.py"
            file.write_text(module_of(block))
        settings = {
            "typeCheckingMode": "strict",
            # Frameworks of users need not be installed.
            "reportMissingImports": False,
            "reportMissingModuleSource": False,
            "reportUnknownMemberType": False,
            "reportUnknownVariableType": False,
            "reportUnknownArgumentType": False,
            "reportUntypedFunctionDecorator": False,
            "reportUntypedClassDecorator": False,
            "reportUnusedVariable": False,
            "reportUnusedFunction": False,
            "reportUnusedCoroutine": True,
        }
        (folder / "pyrightconfig.json").write_text(json.dumps(settings))
        python = sys.executable
        lenient = ("--ignore-missing-imports", "--allow-untyped-decorators")
        checks = (
            [python, "-m", "mypy", "--strict", *lenient, "."],
            [python, "-m", "pyright", "--pythonpath", python],
        )
        codes = [subprocess.run(check, cwd=folder, check=False).returncode for check in checks]
        sys.stdout.write(f"{len(list(folder.glob('*.py')))} blocks checked\n")
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
