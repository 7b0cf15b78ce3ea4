"""Words of objects that are not rendered, and of the phrases around a name."""


def _words(text: str) -> list[str]:
    return text.split()


UNKNOWN_WORDS = _words("""
umbrella chair table sofa couch bed shade window door curtain carpet rug
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
shower person man woman child hand foot face head arm finger eye nose ear
opener holder lid rack stand dispenser cover cutter peeler sharpener shelf timer
handle sticker wrapper cleaner warmer grinder label strap sleeve pocket button
tractor crane scooter skate surfboard tent hammock cradle stool bench wardrobe dresser drawer
bookcase cushion mattress quilt apron mitten slipper boots vest sweater pyjamas swimsuit tiara
crown brooch cufflink veil duster dustpan broomstick iron hanger peg clothesline
spatula whisk grater colander sieve tongs corkscrew rolling pin cutting board kebab
pancake waffle muffin croissant pretzel popcorn cereal yoghurt honey jam ketchup mustard
spinach celery pumpkin zucchini beetroot turnip cauliflower aubergine avocado coconut fig date
blueberry raspberry walnut almond peanut hazelnut oyster shrimp lobster squid octopus
jellyfish seal otter beaver hedgehog squirrel badger deer moose camel kangaroo koala parrot
pigeon owl eagle swan peacock penguin flamingo crow ostrich dinosaur dragon unicorn mermaid
wheel tyre engine pedal saddle propeller anchor sail paddle oar tower castle bridge church
windmill igloo barn lighthouse fountain pillar arch roof chimney antenna satellite
microscope saxophone accordion harmonica harp trombone xylophone tambourine metronome easel
chessboard marbles frisbee trampoline swing slide seesaw ski snowboard dartboard bowling
protractor tweezers file hairdryer bandana pump hinge plank
tile pebble seashell pinecone acorn log straw hay ice snowman candy lollipop chewing gum""")

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
SENTENCES = [
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
    "is there a {}?",
    "do you see the {}",
    "locate the {}",
    "point at the {}",
    "get me that {}",
    "fetch a {}",
    "the {} over there",
    "i need a {}",
    "pass me the {}",
    "go to the {}",
]
