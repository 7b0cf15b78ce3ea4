"""Words for what we render, and for what we do not."""


def _words(text: str) -> list[str]:
    return text.split()


ALIASES: dict[str, list[str]] = {
    "duck": [
        "rubber duck",
        "bath duck",
        "toy duck",
        "bath toy",
        "rubber ducky",
        "duckling",
        "ducky",
    ],
    "mug": ["coffee mug", "tea mug", "coffee cup", "cup with a handle", "beaker with a handle"],
    "cup": ["tumbler", "paper cup", "drinking cup", "plastic cup", "beaker", "glass", "to go cup"],
    "bowl": ["dish", "cereal bowl", "soup bowl", "salad bowl", "basin"],
    "bottle": [
        "flask",
        "water bottle",
        "wine bottle",
        "drink bottle",
        "juice bottle",
        "sauce bottle",
    ],
    "can": ["tin", "tin can", "soda can", "drink can", "soup can", "beer can", "beverage can"],
    "jar": ["jam jar", "storage jar", "pot with a lid", "honey jar", "cookie jar", "pickle jar"],
    "vase": ["flower vase", "urn", "pitcher vase", "amphora"],
    "teapot": ["tea pot", "kettle", "tea kettle", "coffee pot", "pot with a spout"],
    "plate": ["saucer", "dinner plate", "small plate", "side plate"],
    "candle": ["wax candle", "tea light", "pillar candle", "taper candle", "candlestick"],
    "banana": ["plantain", "ripe banana", "banana fruit"],
    "apple": ["apple fruit", "ripe apple"],
    "pear": ["pear fruit", "ripe pear"],
    "lemon": ["lime", "citrus", "citrus fruit", "lemon fruit"],
    "carrot": ["root vegetable", "parsnip"],
    "mushroom": ["toadstool", "champignon", "fungus"],
    "egg": ["easter egg", "boiled egg", "chicken egg"],
    "donut": ["doughnut", "iced donut", "ring pastry"],
    "ball": [
        "toy ball",
        "tennis ball",
        "basketball",
        "football",
        "soccer ball",
        "sphere",
        "rubber ball",
    ],
    "toy car": [
        "car",
        "model car",
        "toy vehicle",
        "vehicle",
        "van",
        "bus",
        "toy truck",
        "automobile",
    ],
    "toy block": ["building block", "toy brick", "lego", "lego brick", "brick", "building brick"],
    "dice": ["die", "playing dice", "number cube", "gaming die"],
    "star": ["star shape", "toy star", "star ornament", "starfish"],
    "teddy bear": ["teddy", "bear", "stuffed bear", "plush bear", "toy bear", "soft toy"],
    "rocket": ["toy rocket", "space rocket", "spaceship", "rocket ship", "missile"],
    "cone": ["traffic cone", "road cone", "safety cone", "pylon"],
    "flashlight": ["torch", "hand lamp", "flash light", "pocket lamp", "electric torch"],
    "screwdriver": ["screw driver", "turnscrew"],
    "hammer": ["mallet", "claw hammer", "sledgehammer"],
    "wrench": ["spanner", "ring spanner", "open end wrench"],
    "tape roll": [
        "tape",
        "roll of tape",
        "adhesive tape",
        "sticky tape",
        "duct tape",
        "masking tape",
    ],
    "brush": [
        "paint brush",
        "hairbrush",
        "scrubbing brush",
        "toothbrush",
        "dish brush",
        "paintbrush",
    ],
    "spoon": ["ladle", "cooking spoon", "teaspoon", "wooden spoon", "tablespoon"],
    "marker": ["pen", "felt pen", "crayon", "marker pen", "highlighter", "felt tip", "pencil"],
    "padlock": ["lock", "pad lock", "combination lock"],
    "box": ["carton", "cardboard box", "package", "parcel", "packet", "milk carton", "cereal box"],
    "book": ["paperback", "novel", "notebook", "hardcover", "textbook", "diary"],
    "remote control": [
        "remote",
        "tv remote",
        "controller",
        "remote controller",
        "television remote",
    ],
    "phone": ["mobile phone", "cell phone", "smartphone", "telephone", "cellphone", "mobile"],
    "sponge": ["kitchen sponge", "scouring sponge", "bath sponge", "dish sponge", "scrubber"],
    "soap bar": ["soap", "bar of soap", "piece of soap", "hand soap"],
    "bell": ["hand bell", "desk bell", "handbell", "jingle bell", "service bell"],
    "computer mouse": ["mouse", "pc mouse", "optical mouse", "wireless mouse"],
    "light bulb": ["bulb", "lightbulb", "lamp bulb", "electric bulb", "lamp"],
}
"""Other names; the last one of every list of five and more is kept for testing synonyms of which
the tower has seen each word, but not the whole phrase."""

SHADE_ALIASES: dict[str, list[str]] = {
    "red": ["crimson", "scarlet", "dark red", "bright red", "ruby", "reddish", "cherry red"],
    "orange": ["dark orange", "bright orange", "tangerine", "amber"],
    "yellow": ["golden", "bright yellow", "light yellow", "gold", "yellowish"],
    "green": ["dark green", "light green", "lime green", "olive", "emerald", "greenish"],
    "cyan": ["turquoise", "teal", "aqua", "light blue", "sky blue"],
    "blue": ["navy", "dark blue", "navy blue", "royal blue", "bluish", "cobalt"],
    "purple": ["violet", "lilac", "mauve", "dark purple", "lavender", "plum"],
    "pink": ["rose", "light pink", "magenta", "salmon", "hot pink"],
    "brown": ["dark brown", "chocolate", "brownish", "tan", "wooden brown"],
    "black": ["jet black", "dark", "pitch black", "blackish"],
    "grey": ["gray", "silver", "light grey", "dark gray", "greyish", "metallic"],
    "white": ["ivory", "cream", "snow white", "off white", "pale white", "cream coloured"],
}

UNKNOWN_WORDS = _words("""
umbrella chair table sofa couch bed lamp shade window door curtain carpet rug
pillow blanket towel shirt shoe boot sandal sock hat cap glove scarf jacket coat trousers jeans
dress belt tie watch ring necklace bracelet earring wallet purse handbag backpack suitcase
laptop keyboard monitor printer camera television radio speaker headphones microphone tablet
cable charger battery plug socket switch fan heater stove oven fridge freezer dishwasher washer
toaster blender mixer microwave pan pot wok grill fork knife chopstick napkin tray basket bucket
mop broom vacuum bin trash bag fence gate ladder rope chain hook nail screw bolt nut drill saw
pliers chisel axe shovel rake hose wheelbarrow bicycle motorcycle truck train airplane boat ship
helicopter drone robot doll puppet kite guitar piano violin drum trumpet flute cat dog horse cow
pig sheep goat chicken rabbit fox wolf lion tiger elephant giraffe monkey snake lizard frog
turtle fish shark whale crab butterfly bee spider ant orange tomato potato onion garlic pepper
cucumber lettuce cabbage broccoli grape strawberry cherry melon watermelon pineapple mango kiwi
peach plum bread cake cookie pizza burger sandwich cheese butter meat sausage rice pasta noodle
soup salad milk juice coffee tea water beer wine flower rose tulip tree leaf grass plant cactus
stone rock sand shell feather bone skull key coin stamp letter envelope newspaper magazine map
globe clock calendar mirror picture frame poster painting statue trophy medal flag ribbon balloon
gift present puzzle cards chess domino yoyo whistle racket bat skateboard helmet goggles mask
scissors stapler ruler eraser glue paper clip folder calculator comb razor toothpaste shampoo
lotion perfume lipstick syringe thermometer bandage pill medicine stethoscope crutch wheelchair
anvil compass telescope binoculars lens magnet spring gear valve pipe tap sink bathtub toilet
shower person man woman child hand foot face head arm finger eye nose ear""")

SURFACES = _words("""
table tabletop desk surface background floor wall room ground wood carpet counter
texture empty space nothing ceiling corner shadow wooden table table top texture floor tiles
workbench surface backdrop scenery stuff""")

STRANGERS = ["unknown thing", "strange thing", "unidentified object", "unknown object", "gripper"]
THINGS = ["thing", "object", "item", "one", "toy", "stuff", "something", "thingy"]
FILLERS = _words("""
small big large little tiny nice shiny plastic metal wooden rubber ceramic glass old
new round flat tall short striped speckled clean dirty cute heavy light hollow empty full toy
matte glossy household kitchen children's soft hard the a my your that this""")
FRAMES = [
    "{}",
    "{}",
    "{}",
    "a {}",
    "the {}",
    "an image of a {}",
    "a photo of a {}",
    "a picture of the {}",
    "the {} please",
    "find the {}",
    "grab the {}",
    "pick up the {}",
    "where is the {}",
    "give me the {}",
    "hand me the {} please",
    "could you get the {}",
    "i want the {}",
    "bring me a {}",
    "look for a {}",
    "{} on the table",
    "the {} on a table",
    "one {}",
    "my {}",
    "that {}",
    "show me the {}",
    "some {}",
    "a rendering of a {}",
    "a close up of a {}",
    "take the {}",
    "can you fetch the {}?",
    "the {}.",
]


def held_out_alias(category: str) -> str | None:
    """The other name that training never sees as a whole."""
    names = ALIASES[category]
    return names[-1] if len(names) >= 5 else None
