"""The directive `command-help`: what `dgsynth COMMAND --help` prints, as it is when the site is built."""

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from typer.testing import CliRunner

from dgsynth.cli.app import app


class CommandHelp(Directive):
    """Stands for the help of the command that it names, or of `dgsynth` itself."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        result = CliRunner().invoke(app, [*self.arguments, "--help"], prog_name="dgsynth", terminal_width=100)
        if result.exit_code:
            raise self.error(result.output)
        return [nodes.literal_block(result.output, result.output, language="text")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
