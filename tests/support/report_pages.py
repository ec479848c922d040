"""A report as a reader meets it: its tags and text, and opened in a browser."""

import html.parser
import shutil
import subprocess

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
CHROMIUM = next((path for path in map(shutil.which, BROWSERS) if path), None)
COUNT_IMAGES = """<script>addEventListener("load", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const sizes = [...document.images].map((image) => image.complete ? image.naturalWidth : 0);
  document.body.setAttribute("data-widths", sizes.join(" "));
  document.body.setAttribute("data-height", document.documentElement.scrollHeight);
});</script></body>"""


class Page(html.parser.HTMLParser):
    """The attributes of all tags, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag, attribute):
        return [attributes.get(attribute) for name, attributes in self.tags if name == tag]


def chromium(page, profile, *flags):
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    return subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={profile}", *flags,
         page.as_uri()],
        capture_output=True, timeout=240, check=True,
    ).stdout.decode()  # fmt: skip
