"""The page of a memory: requests, quantities and clicks change what is drawn and said."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from m3_ros.query.answer import Localizer
from m3_ros.view.page.memory_page import MAX_WAITING, MemoryPage
from m3_ros.view.page.server import open_server


@pytest.fixture
def page(toy_memory, toy, free_port):
    server = open_server("127.0.0.1", free_port, "toy")
    page = MemoryPage(server, toy_memory, Localizer(toy_memory, toy.model))
    page.fill()
    yield page
    server.stop()


def test_a_request_is_answered_and_its_heat_is_drawn(page):
    before = page._splats.buffer[:, 7].copy()
    page._text.value = "red"
    page.ask(None)
    assert "<b>FOUND</b>" in page.answer.content
    assert page._quantity.value == "relevancy"
    changed = page._splats.buffer[:, 7] != before
    assert changed[page.relevancy > 0.9].mean() > 0.9


def test_a_request_that_names_nothing_is_refused_in_a_sentence(page):
    page._text.value = "   "
    page.ask(None)
    assert "<b>refused</b>" in page.answer.content


def test_a_picture_is_a_request_and_what_is_none_is_refused(page):
    stored = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), [230, 25, 25], np.uint8)).save(stored, "PNG")
    page._ask_picture(None, stored.getvalue())
    assert "refused" not in page.answer.content
    for content in (b"no picture", b""):
        page._ask_picture(None, content)
        assert "<b>refused</b>" in page.answer.content


def test_a_click_on_a_box_names_place_and_object(page):
    said = page.describe_ray(np.array([0.0, -0.15, 1.0]), np.array([0.0, 0.0, -1.0]))
    assert "0.000, -0.150, 0.5" in said and "keyframe" in said and "no object" not in said


def test_requests_over_the_limit_are_refused_and_the_next_is_answered(page):
    page._text.value = "red"
    with page._lock:
        waiting = [threading.Thread(target=page.ask, args=(None,)) for _ in range(MAX_WAITING)]
        for each in waiting:
            each.start()
        while page._waiting._value:
            time.sleep(0.01)
        page.ask(None)
        assert f"{MAX_WAITING} requests wait" in page.answer.content
    for each in waiting:
        each.join(60)
    page.ask(None)
    assert "<b>FOUND</b>" in page.answer.content


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "red <img src=x onerror=alert(1)>"])
def test_markup_in_a_request_is_shown_as_text(page, text):
    page._text.value = text
    page.ask(None)
    assert "<script" not in page.answer.content and "<img" not in page.answer.content
