import base64

from helpers import python
from report_pages import Page

from tf_denoise.pages import PageFigure, render_page

TEMPLATE = """{% extends "base.html" %}
{% block title %}{{ name }}{% endblock %}
{% block content %}<h1>{{ name | loud }}</h1>
{% for description, source in figures.first %}<img src="{{ source }}" alt="{{ description }}">{% endfor %}
{% endblock %}"""


def test_a_page_holds_its_figures_and_escapes_what_it_is_told(tmp_path):
    (tmp_path / "page.html").write_text(TEMPLATE)
    figures = [PageFigure("first", "a.png", "<b> & c", b"\x89PNG"), PageFigure("other", "b.png", "not shown", b"x")]
    source = render_page(tmp_path / "page.html", figures, filters={"loud": str.upper}, name="<script>alert(1)</script>")
    page = Page(source)
    assert "<script>" not in source
    assert "<SCRIPT>ALERT(1)</SCRIPT>" in page.text
    (address,) = page.all("img", "src")
    assert base64.b64decode(address.split(",", 1)[1]) == b"\x89PNG"
    assert page.all("img", "alt") == ["<b> & c"]
    assert source.startswith("<!DOCTYPE html>")
    assert "http" not in source


def test_jinja_is_loaded_when_a_page_is_made():
    result = python("-c", "import sys, tf_denoise.pages.page; print('jinja2' in sys.modules)")
    assert result.stdout == "False\n", result.stderr
