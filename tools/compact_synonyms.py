"""Synonyms of the categories and colours: most for training, some held out for tests."""


def _lists(text: str) -> dict[str, list[str]]:
    """Lines "name: other, another", a line that starts with a blank going on from the last."""
    lines = text.strip().replace("\n ", " ").split("\n")
    pairs = (line.split(": ") for line in lines)
    return {name: [other.strip() for other in others.split(",")] for name, others in pairs}


HELD_OUT_ALIASES = {
    "duck": "ducky",
    "mug": "beaker with a handle",
    "cup": "to go cup",
    "bowl": "basin",
    "bottle": "sauce bottle",
    "can": "beverage can",
    "jar": "pickle jar",
    "teapot": "pot with a spout",
    "candle": "candlestick",
    "ball": "rubber ball",
    "toy car": "automobile",
    "toy block": "building brick",
    "teddy bear": "soft toy",
    "rocket": "missile",
    "flashlight": "electric torch",
    "tape roll": "masking tape",
    "brush": "paintbrush",
    "spoon": "tablespoon",
    "marker": "pencil",
    "box": "cereal box",
    "book": "diary",
    "remote control": "television remote",
    "phone": "mobile",
    "sponge": "scrubber",
    "bell": "service bell",
    "light bulb": "lamp",
}
"""Synonyms that no training caption contains."""

ALIASES = _lists("""
duck: rubber duck, bath duck, toy duck, bath toy, rubber ducky, duckling, mallard, drake,
 duckie, toy bird, plastic duck, bathtub duck, floating duck, waterfowl
mug: coffee mug, tea mug, coffee cup, cup with a handle, stein, tankard, beer mug, cocoa mug,
 mug with a handle, hot chocolate mug, travel mug, stoneware mug
cup: tumbler, paper cup, drinking cup, plastic cup, beaker, glass, drinking glass, goblet,
 water glass, disposable cup, beverage cup, chalice, cup without a handle, takeaway cup
bowl: dish, cereal bowl, soup bowl, salad bowl, fruit bowl, mixing bowl, rice bowl, bowl dish,
 noodle bowl, porridge bowl, serving bowl, dog bowl
bottle: flask, water bottle, wine bottle, drink bottle, juice bottle, beer bottle, carafe,
 milk bottle, decanter, canteen, thermos, glass bottle, plastic bottle, ketchup bottle,
 perfume bottle, oil bottle, shampoo bottle, vial, spray bottle
can: tin, tin can, soda can, drink can, soup can, beer can, cola can, coke can, aluminium can,
 food can, canister, bean can, fizzy drink, pop can, coke, cola, canned food, soda
jar: jam jar, storage jar, pot with a lid, honey jar, cookie jar, mason jar, glass jar, honey pot,
 jam pot, spice jar, candy jar, preserve jar, marmalade jar, jelly jar, mustard jar
vase: flower vase, urn, pitcher vase, amphora, flower pot, ewer, jug, pitcher, pot for flowers,
 ceramic vase, tall vase, flower jar, grecian urn
teapot: tea pot, kettle, tea kettle, coffee pot, tea jug, brewing pot, samovar, teakettle,
 pot for tea, water kettle, ceramic teapot
plate: saucer, dinner plate, small plate, side plate, platter, dessert plate, flat dish,
 serving plate, china plate, paper plate, salad plate, dinnerware
candle: wax candle, tea light, pillar candle, taper candle, tealight, birthday candle, wax light,
 scented candle, church candle, votive, wax taper
banana: plantain, ripe banana, banana fruit, bananas, unpeeled banana
apple: apple fruit, ripe apple, granny smith, crab apple
pear: pear fruit, ripe pear, conference pear, williams pear
lemon: lime, citrus, citrus fruit, lemon fruit, ripe lemon, limes, citron
carrot: root vegetable, parsnip, carrots, baby carrot, garden carrot
mushroom: toadstool, champignon, fungus, button mushroom, fungi, fly agaric, porcini, shiitake,
 portobello
egg: easter egg, boiled egg, chicken egg, eggshell, hen's egg, bird egg, painted egg, goose egg
donut: doughnut, iced donut, ring pastry, doughnuts, glazed donut, bagel, sugar ring, cruller,
 frosted donut, ring cake
ball: toy ball, tennis ball, basketball, football, soccer ball, sphere, orb, baseball,
 volleyball, beach ball, bouncy ball, golf ball, round ball, cricket ball, softball, juggling ball
toy car: car, model car, toy vehicle, vehicle, van, bus, toy truck, auto, sedan, jeep, taxi, cab,
 minivan, race car, racing car, sports car, little car, matchbox car, pickup truck, roadster,
 toy van, toy bus, lorry, coupe, racer, limousine, hot rod, model vehicle
toy block: building block, toy brick, lego, lego brick, brick, wooden block, stacking block,
 construction block, lego block, duplo, block, plastic brick, stacking brick, play block
dice: die, playing dice, number cube, gaming die, board game die, six sided die, dotted cube,
 cube with dots, game cube, gambling die, dice cube
star: star shape, toy star, star ornament, starfish, five pointed star, star decoration,
 christmas star, sea star
teddy bear: teddy, bear, stuffed bear, plush bear, toy bear, plush toy, stuffed animal, plushie,
 cuddly toy, cuddly bear, stuffed toy, bear cub, plush animal
rocket: toy rocket, space rocket, spaceship, rocket ship, spacecraft, space ship, space shuttle,
 moon rocket, shuttle, firework rocket, model rocket, starship
cone: traffic cone, road cone, safety cone, pylon, cones, parking cone, construction cone,
 witch's hat, street cone, warning cone
flashlight: torch, hand lamp, flash light, pocket lamp, hand torch, pocket torch, torchlight,
 led torch, lantern, camping light, hand light, penlight, torch light
screwdriver: screw driver, turnscrew, phillips screwdriver, flathead screwdriver, screwdrivers,
 flat blade screwdriver, philips driver, nut driver
hammer: mallet, claw hammer, sledgehammer, gavel, ball peen hammer, rubber mallet, hammers,
 carpenter's hammer, sledge, nail hammer
wrench: spanner, ring spanner, open end wrench, adjustable wrench, monkey wrench, socket wrench,
 combination wrench, spanners, pipe wrench, torque wrench, allen wrench, crescent wrench
tape roll: tape, roll of tape, adhesive tape, sticky tape, duct tape, scotch tape, packing tape,
 sellotape, insulating tape, electrical tape, painter's tape, gaffer tape, tape reel, parcel tape
brush: paint brush, hairbrush, scrubbing brush, toothbrush, dish brush, scrub brush, nail brush,
 cleaning brush, hair brush, tooth brush, artist's brush, bristle brush, shoe brush,
 pastry brush, hand brush
spoon: ladle, cooking spoon, teaspoon, wooden spoon, soup spoon, tea spoon, dessert spoon,
 serving spoon, scoop, soup ladle, table spoon, measuring spoon, sugar spoon
marker: pen, felt pen, crayon, marker pen, highlighter, felt tip, sharpie, ballpoint pen,
 whiteboard marker, colouring pen, ballpoint, biro, felt tip pen, ink pen, fountain pen,
 writing pen, magic marker, permanent marker
padlock: lock, pad lock, combination lock, bike lock, locker lock, security lock, door lock,
 bicycle lock, locks, brass lock, luggage lock
box: carton, cardboard box, package, parcel, packet, milk carton, crate, case, chest, container,
 gift box, shipping box, storage box, pack, shoe box, casket, shoebox, wooden box, tissue box
book: paperback, novel, notebook, hardcover, textbook, journal, manual, encyclopedia, dictionary,
 bible, hardback, atlas, storybook, comic book, cookbook, album, notepad, handbook, story book,
 tome, binder, guidebook, logbook
remote control: remote, tv remote, controller, remote controller, clicker, tv control,
 zapper, control unit, media remote, channel changer, tv clicker, stereo remote
phone: mobile phone, cell phone, smartphone, telephone, cellphone, iphone, smart phone, handset,
 android phone, cordless phone, touchscreen phone, phones, mobile telephone, cellular phone
sponge: kitchen sponge, scouring sponge, bath sponge, dish sponge, scouring pad, cleaning sponge,
 sponges, foam pad, washing sponge, scrub sponge, shower sponge, cleaning pad
soap bar: soap, bar of soap, piece of soap, hand soap, bath soap, soap block, cake of soap,
 toilet soap, block of soap, washing soap, soaps, soap cake, detergent bar, shower soap,
 scented soap
bell: hand bell, desk bell, handbell, jingle bell, cow bell, cowbell, school bell, church bell,
 dinner bell, reception bell, chime, ringing bell, sleigh bell, counter bell
computer mouse: mouse, pc mouse, optical mouse, wireless mouse, gaming mouse, laptop mouse,
 bluetooth mouse, usb mouse, cordless mouse, pointing device, desktop mouse, mouse for a computer
light bulb: bulb, lightbulb, lamp bulb, electric bulb, led bulb, incandescent bulb, edison bulb,
 electric light, energy saving bulb, light globe, glow bulb, bulbs, spare bulb
""")

SHADE_ALIASES = _lists("""
red: crimson, scarlet, dark red, bright red, ruby, reddish, cherry red, maroon, burgundy,
 vermilion, blood red, light red, brick red, ruby red, fire engine red, cardinal, wine red
orange: dark orange, bright orange, tangerine, amber, light orange, apricot, pumpkin orange,
 orangish, burnt orange, carrot coloured
yellow: golden, bright yellow, light yellow, gold, yellowish, lemon yellow, mustard yellow,
 pale yellow, dark yellow, canary yellow, sunny yellow
green: dark green, light green, lime green, olive, emerald, greenish, bright green, mint green,
 forest green, grass green, olive green, moss green, pale green, jade, khaki
cyan: turquoise, teal, aqua, light blue, sky blue, aquamarine, azure, baby blue, pale blue,
 turquoise blue, bluish green
blue: navy, dark blue, navy blue, royal blue, bluish, cobalt, bright blue, indigo, sapphire,
 midnight blue, deep blue, ultramarine, cobalt blue
purple: violet, lilac, mauve, dark purple, lavender, plum, light purple, purplish, amethyst,
 bright purple, aubergine coloured, deep purple
pink: rose, light pink, magenta, salmon, hot pink, fuchsia, pinkish, pale pink, coral pink,
 bright pink, dark pink, rosy, blush, salmon pink
brown: dark brown, chocolate, brownish, tan, wooden brown, light brown, beige, chestnut, bronze,
 mahogany, coffee coloured, hazel, caramel, walnut brown
black: jet black, dark, pitch black, blackish, ebony, coal black, onyx, charcoal black, inky
grey: gray, silver, light grey, dark gray, greyish, metallic, light gray, dark grey, slate grey,
 ash grey, silvery, grayish, steel grey, silver grey, charcoal grey
white: ivory, cream, snow white, off white, pale white, cream coloured, whitish, pearl white,
 snowy, milky white, chalk white, bright white, eggshell white
""")
