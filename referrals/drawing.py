"""The frame of a drawing on a page: a title and its content in words, for whoever hears it read."""

from html import escape


def svg(
    name: str, language: str, title: str, told: str, size: tuple[int, int], body: str, anchor: str = "start"
) -> str:
    """An SVG of `size` (width, height); `name` is the only one on its page, `body` is escaped already."""
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{language}" viewBox="0 0 {width} {height}" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="sans-serif" font-size="15" text-anchor="{anchor}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(told)}</desc>{body}</svg>'
    )
