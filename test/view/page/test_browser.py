"""The page in a real browser: it draws, answers, and fits a screen and a phone."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from m3_ros.query.answer import Localizer
from m3_ros.view.page.memory_page import MAX_WAITING, MemoryPage
from m3_ros.view.page.server import open_server
from m3_ros.view.page.splats import COLOR

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt install chromium)")

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
FLAGS += ["--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]  # WebGL without a GPU
SCREEN, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
MINUTE = 60_000  # ms
VISERS_OWN = "computeBoundingSphere(): Computed radius is NaN"
"""What viser 1.1.1 writes to the console for any Gaussians: three.js finds no positions."""


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(toy_memory, toy, free_port):
    server = open_server("127.0.0.1", free_port, "toy")
    page = MemoryPage(server, toy_memory, Localizer(toy_memory, toy.model))
    page.fill()
    yield page, server.address
    server.stop()


def middle(tab):
    """Return the middle of the drawing `[H, W, 3]`, over which no control lies."""
    width, height = SCREEN["width"], SCREEN["height"]
    clip = {"x": 0.25 * width, "y": 0.3 * height, "width": 0.3 * width, "height": 0.4 * height}
    shot = Image.open(io.BytesIO(tab.screenshot(clip=clip, timeout=MINUTE))).convert("RGB")
    return np.asarray(shot, np.int16)


def green(picture):
    """Return the share of green pixels."""
    return (picture[..., 1] > picture[..., [0, 2]].max(-1) + 50).mean()


def is_on_phone(element):
    """Return whether an element is wholly on the phone's screen; hidden while it is laid out."""
    place = element.bounding_box(timeout=MINUTE)
    if place is None:
        return False
    right, low = place["x"] + place["width"], place["y"] + place["height"]
    return min(place["x"], place["y"]) >= 0 and right <= PHONE["width"] and low <= PHONE["height"]


def test_a_request_is_answered_on_a_screen_and_a_phone(chromium, page, wait_for, capfd):
    page, address = page
    tab = chromium.new_page(viewport=SCREEN)
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda line: line.type == "error" and faults.append(line.text))
    tab.goto(address, timeout=MINUTE)
    tab.wait_for_selector("canvas", timeout=MINUTE)
    wait_for(lambda: len(np.unique(middle(tab).reshape(-1, 3), axis=0)) > 100)

    box = tab.get_by_role("textbox").first
    box.fill("green", timeout=MINUTE)
    box.press("Enter")
    answer = tab.get_by_text("FOUND", exact=True)
    answer.wait_for(timeout=MINUTE)
    hot = middle(tab)
    page._quantity.value = COLOR
    wait_for(lambda: (np.abs(middle(tab) - hot).max(-1) > 100).mean() > 0.02)
    assert green(middle(tab)) > green(hot)

    tab.set_viewport_size(PHONE)
    for each in (box, answer, tab.get_by_text("Screenshot", exact=True)):
        wait_for(lambda each=each: is_on_phone(each))
    assert [fault for fault in faults if VISERS_OWN not in fault] == []

    box.fill("blue", timeout=MINUTE)
    wait_for(lambda: page._text.value == "blue")
    with page._lock:  # the browser is gone before its request is answered
        box.press("Enter")
        wait_for(lambda: page._waiting._value < MAX_WAITING)
        tab.close()
        wait_for(lambda: not page._server.get_clients())
    wait_for(lambda: "blue" in page.answer.content)
    wait_for(lambda: page._waiting._value == MAX_WAITING)
    assert "Traceback" not in "".join(capfd.readouterr())
