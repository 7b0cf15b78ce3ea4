"""How the text of a request is parsed, phrase by phrase."""

import pytest

from m3_ros.query.grammar import Description, QueryError
from m3_ros.query.request import Side, parse_request
from m3_ros.query.request_words import PHRASES, Kind, Relation


def said(request):
    """Write a request as one line of structure words in capitals and noun phrases."""
    words = [request.noun.label if request.noun else "ANY"]
    if request.count is not None:
        words.append(f"x{request.count}")
    if request.rank:
        words.append(f"{request.rank.place}.{request.rank.order.name}")
        if request.rank.anchor:
            words.append(f"TO({said(request.rank.anchor)})")
    words += [f"NO({noun.label})" for noun in request.excluded]
    for link in request.links:
        anchors = " & ".join(map(said, link.anchors))
        words.append(f"{'NOT ' * link.negated}{link.relation.name}({anchors})")
    return " ".join(words + ["MAP"] * (request.side is Side.MAP))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yellow bath duck", "yellow bath duck"),
        ("mug with a handle", "mug with a handle"),
        ("bottle of water", "bottle of water"),
        ("желтая утка", "желтая утка"),
        ("figure two", "figure two"),
        ("one mug", "mug"),
        ("where\u2019s my duck?", "duck"),
        ("go and get the duck, quickly", "duck"),
        ("could you find a red mug for me", "red mug"),
        ("oak chest", "oak chest"),
        # number
        ("two ducks", "duck x2"),
        ("2 ducks", "duck x2"),
        ("both mugs", "mug x2"),
        ("a couple of mugs", "mug x2"),
        ("a pair of mugs", "mug x2"),
        ("1 mug", "mug"),
        ("first-aid kit", "first-aid kit"),
        ("iphone 12", "iphone 12"),
        ("100 ml bottle", "100 ml bottle"),
        ("both of the red mugs", "red mug x2"),
        ("the two red mugs behind the duck", "red mug x2 BEHIND(duck)"),
        ("all mugs", "mug x0"),
        ("every cup except the blue one", "cup x0 NO(blue one)"),
        # order
        ("largest mug", "mug 1.LARGEST"),
        ("the big mug", "mug 1.LARGEST"),
        ("second largest bowl", "bowl 2.LARGEST"),
        ("the two largest bowls", "bowl x2 1.LARGEST"),
        ("leftmost mug", "mug 1.LEFTMOST"),
        ("the left mug", "mug 1.LEFTMOST"),
        ("the mug on the left", "mug 1.LEFTMOST"),
        ("mug to the right", "mug 1.RIGHTMOST"),
        ("the one on the right", "ANY 1.RIGHTMOST"),
        ("second from the left", "ANY 2.LEFTMOST"),
        ("the second mug from the left", "mug 2.LEFTMOST"),
        ("the ball in the middle", "ball 1.MIDDLE"),
        ("cup at the far left", "cup 1.LEFTMOST"),
        ("mug to the right hand side of the duck", "mug RIGHT(duck)"),
        ("mug on the left hand side of the duck", "mug LEFT(duck)"),
        ("mug to the left side of the duck", "mug LEFT(duck)"),
        ("cup alongside the duck", "cup NEXT_TO(duck)"),
        ("cup close by the duck", "cup NEXT_TO(duck)"),
        ("nearest to me", "ANY 1.NEAREST"),
        ("the mug nearest to me", "mug 1.NEAREST"),
        ("the mug closest to the duck", "mug 1.NEAREST TO(duck)"),
        ("the mug farthest from the duck", "mug 1.FARTHEST TO(duck)"),
        # relations
        ("cup left of the duck", "cup LEFT(duck)"),
        ("the cup that is to the right of the red duck", "cup RIGHT(red duck)"),
        ("orange ball in front of me", "orange ball FRONT(me)"),
        ("what is left of the duck", "ANY LEFT(duck)"),
        ("thing under the table", "ANY UNDER(table)"),
        ("the brown cans on the table", "brown can ON(table)"),
        ("the mug in the bowl on the table", "mug IN(bowl ON(table))"),
        ("cup between the duck and the ball", "cup BETWEEN(duck & ball)"),
        ("the cup between the two ducks", "cup BETWEEN(duck x2)"),
        ("cup larger than the duck", "cup LARGER(duck)"),
        ("cup left of the duck behind the box", "cup LEFT(duck BEHIND(box))"),
        ("cup left of the duck and behind the box", "cup LEFT(duck) BEHIND(box)"),
        ("mug on the table left of the duck", "mug ON(table) LEFT(duck)"),
        ("biggest thing on the table", "ANY 1.LARGEST ON(table)"),
        ("cup left of the duck in the map", "cup LEFT(duck) MAP"),
        (
            "could you please bring me the red mug next to the blue bowl, thank you",
            "red mug NEXT_TO(blue bowl)",
        ),
        # negation
        ("the mug that is not red", "mug NO(red)"),
        ("mug that isn\u2019t red", "mug NO(red)"),
        ("what\u2019s left of the duck", "ANY LEFT(duck)"),
        ("mug on the table that is not red", "mug NO(red) ON(table)"),
        ("mug, not the red one", "mug NO(red one)"),
        ("anything but the duck", "ANY NO(duck)"),
        ("the cup that isn't on the plate", "cup NOT ON(plate)"),
        ("the cup not left of the duck", "cup NOT LEFT(duck)"),
    ],
)
def test_structure_words_are_parsed_and_nouns_stay_whole(text, expected):
    assert said(parse_request(text, 300)) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("duck and cup", "'and'"),
        ("duck or cup", "'or'"),
        ("salt and pepper mill", "'and'"),
        ("the second mug", "'second'"),
        ("the other mug", "'other'"),
        ("mug without handle", "'without'"),
        ("all", "'all'"),
        ("left", "'left'"),
        ("cup left of", "'left of'"),
        ("cup left of and right of the duck", "'left of'"),
        ("the largest smallest mug", "'smallest'"),
        ("heaviest ball", "'heaviest'"),
        ("the reddest mug", "'reddest'"),
        ("the non-red mug", "'non-red'"),
        ("several mugs", "'several'"),
        ("0 ducks", "'0'"),
        ("-1 ducks", "'-1'"),
        ("11 mugs", "'11'"),
        ("a dozen mugs", "'dozen'"),
        ("the second-largest mug", "'second-largest'"),
        ("the right-most mug", "'right-most'"),
        ("the not-red mug", "'not-red'"),
        ("the larger mug", "'larger'"),
        ("which mug is the largest", "'which'"),
        ("do you see a mug", "'do'"),
        ("put the mug in the box", "'put'"),
        ("how many ducks are there", "m3 describe"),
        ("the duck that was on the table", "'was'"),
        ("mug within 1 m of the duck", "'within'"),
        ("mug opposite the duck", "'opposite'"),
        ("cup between the duck", "between"),
        ("not the duck", "'not the duck' names no object"),
        ("find me", "names no object"),
    ],
)
def test_what_fits_no_rule_is_refused_by_name(text, word):
    with pytest.raises(QueryError) as refused:
        parse_request(text, 300)
    assert word in str(refused.value)


def test_every_relation_can_be_said():
    relations = {value for kind, value in PHRASES.values() if kind is Kind.RELATION}
    assert relations == set(Relation)
    for phrase, (kind, value) in PHRASES.items():
        if kind is Kind.RELATION and value is not Relation.BETWEEN:
            (link,) = parse_request(f"cup {' '.join(phrase)} the duck", 300).links
            assert link.relation is value


def test_a_noun_alone_has_no_structure():
    assert not parse_request("the red mug, please", 300).structured
    assert parse_request("two red mugs", 300).structured


def test_all_nouns_of_a_request_are_known():
    request = parse_request("red cup, not the mug, left of the duck behind me", 300)
    assert [noun.label for noun in request.nouns()] == ["red cup", "mug", "duck"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("the brush that is not orange", Description("", "orange")),
        ("the brush that is not dark orange", Description("", "dark orange")),
        ("all brushes except the orange one", Description("", "orange")),
        ("everything that is not an orange", Description("orange", "")),
        ("the brush that is not red", Description("", "red")),
    ],
)
def test_a_word_of_a_colour_and_a_fruit_is_the_colour_after_not(text, meant):
    (excluded,) = parse_request(text, 200).excluded
    assert excluded.readings == (meant,)


@pytest.mark.parametrize("text", ["camera", "find the camera", "two cameras", "camera near me"])
def test_a_camera_is_an_object_where_it_is_what_is_asked_for(text):
    assert "camera" in parse_request(text, 300).noun.readings[0].kind


def test_the_camera_is_the_robot_where_distances_are_to_it():
    (link,) = parse_request("mug near the camera", 300).links
    assert link.anchors[0].is_robot


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("red mug with a handle", Description("mug with a handle", "red")),
        ("mug with a red handle", Description("mug with a red handle", "")),
        ("bottle of red wine", Description("bottle of red wine", "")),
        ("something with a red handle", Description("something with a red handle", "")),
    ],
)
def test_a_colour_of_a_part_is_not_that_of_the_object(text, meant):
    assert parse_request(text, 300).noun.readings == (meant,)
