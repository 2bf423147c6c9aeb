package store

import (
	"strconv"
	"strings"

	"github.com/honeydue/honeydue/internal/household"
)

// chores is what is done to what, in one category.
type chores struct {
	category household.Category
	verbs    []string
	objects  []string
	trades   []string
}

func seedChores() []chores {
	return []chores{
		{
			"general",
			[]string{"Tidy", "Label", "Sort", "Repair", "Measure", "Move", "Paint"},
			[]string{"the tool rack", "storage boxes", "the squeaky door", "window handles", "the curtain rail", "spare keys", "the coat hooks", "shelf brackets", "the loose floorboard", "picture frames", "the bookcase", "moving boxes", "the bicycle stand", "skirting boards"},
			[]string{"Handyman", "Joiner", "Painter"},
		},
		{
			"plumbing",
			[]string{"Descale", "Check", "Replace", "Flush", "Bleed", "Seal", "Unclog"},
			[]string{"the shower head", "the tap aerator", "the water filter", "the pressure valve", "the cistern", "the drain", "the siphon", "the sump pump", "the garden tap", "the water softener", "the expansion vessel", "the boiler vent", "pipe insulation", "the toilet flapper"},
			[]string{"Plumber", "Drain service"},
		},
		{
			"electrical",
			[]string{"Test", "Replace", "Check", "Inspect", "Rewire", "Label"},
			[]string{"the RCD", "the fuse box", "outdoor sockets", "the doorbell", "dimmer switches", "LED strips", "the extension leads", "motion sensors", "the surge protector", "the generator", "ceiling lights", "the wall charger", "battery backups"},
			[]string{"Electrician"},
		},
		{
			"hvac",
			[]string{"Clean", "Replace", "Service", "Inspect", "Balance", "Vacuum"},
			[]string{"the furnace filter", "the heat pump", "the air conditioner coil", "the radiators", "the thermostat batteries", "the ventilation grilles", "the chimney flue", "the dehumidifier", "the condensate line", "duct joints", "the pellet stove", "the ceiling fan", "the humidifier pad"},
			[]string{"Heating engineer", "Chimney sweep"},
		},
		{
			"appliances",
			[]string{"Clean", "Descale", "Defrost", "Service", "Level", "Replace"},
			[]string{"the dishwasher filter", "the washing machine seal", "the dryer vent", "the freezer", "the oven door", "the extractor hood", "the coffee machine", "fridge coils", "the microwave", "the ice maker", "the vacuum's brush", "the induction hob", "the kettle"},
			[]string{"Appliance repair"},
		},
		{
			"exterior",
			[]string{"Clear", "Inspect", "Repaint", "Seal", "Wash", "Repair", "Oil"},
			[]string{"the gutters", "roof tiles", "the fence", "the deck boards", "window sills", "the downpipes", "the garage door", "the facade", "flashing", "the driveway cracks", "the gate hinges", "shutters", "the letter box", "the awning"},
			[]string{"Roofer", "Mason", "Window cleaner"},
		},
		{
			"garden",
			[]string{"Prune", "Mow", "Fertilise", "Water", "Weed", "Plant", "Trim"},
			[]string{"the apple tree", "the lawn", "the hedge", "the roses", "vegetable beds", "the grapevine", "flower pots", "the compost heap", "strawberry beds", "the olive tree", "spring bulbs", "the herb spiral", "ornamental grass", "the lavender border"},
			[]string{"Gardener", "Tree surgeon"},
		},
		{
			"cleaning",
			[]string{"Deep-clean", "Wash", "Dust", "Vacuum", "Wipe down", "Polish"},
			[]string{"the windows", "the carpets", "the blinds", "the sofa covers", "the mattress", "kitchen cupboards", "the grout", "light switches", "the curtains", "baseboards", "the shower screen", "door frames", "the rug", "the bin cupboard"},
			[]string{"Cleaner", "Carpet cleaner"},
		},
		{
			"safety",
			[]string{"Test", "Replace", "Check", "Inspect", "Refill"},
			[]string{"the smoke detectors", "the carbon monoxide alarm", "the fire extinguisher", "the first-aid kit", "window locks", "the stair rail", "the escape ladder", "alarm batteries", "the pool cover", "the gas hose", "door locks", "emergency lights"},
			[]string{"Locksmith", "Alarm company"},
		},
		{
			"pests",
			[]string{"Check", "Renew", "Set", "Inspect", "Treat"},
			[]string{"mouse traps", "the ant bait", "wasp nests", "the moth traps", "termite stations", "fly screens", "the crawl space", "the bird netting", "woodworm spots", "the slug collars"},
			[]string{"Pest control"},
		},
		{
			"paperwork",
			[]string{"Renew", "File", "Pay", "Review", "Compare", "Scan"},
			[]string{"the home insurance", "the property tax", "the energy contract", "the warranty cards", "the parking permit", "the chimney report", "utility bills", "the rental agreement", "the inventory list", "the mortgage statement", "the waste fee", "meter readings"},
			[]string{"Insurance broker", "Tax adviser", "Notary"},
		},
	}
}

func seedReasons() []string {
	return []string{
		"The manual asks for it twice a year.", "It dripped again last week.", "The last inspector pointed it out.",
		"Otherwise the warranty lapses.", "It makes a grinding noise in the morning.", "The neighbours did theirs in an afternoon.",
		"Best done before the first frost.", "Do it while the weather is dry.", "The tenant reported it by telephone.",
		"Last year we forgot, and it cost us a weekend.", "It saves about a tenth on the bill.", "The smell comes from there.",
		"Somebody has to be at home for it.", "It is only ten minutes of work.", "The landlord pays for the parts.",
		"Children must not be near when the cover is off.", "Ask for the senior discount.", "The old one is eleven years old.",
	}
}

func seedSteps() []string {
	return []string{
		"Turn off the water at the main valve first.", "Take a photograph before and after.", "Spare parts are in the blue box on the top shelf.",
		"Use the long ladder, not the stool.", "Wear gloves and glasses.", "The serial number is on the left side, behind the flap.",
		"Order two, one goes into the drawer.", "Write the date on the sticker.", "Vinegar does it as well as the expensive cleaner.",
		"Let it cool for an hour.", "Check the seal for cracks.", "Tighten by hand only.", "The key hangs beside the door.",
		"Call at least three days ahead.", "Keep the receipt for the tax return.", "Mind the cable behind the panel.",
		"Reset the counter afterwards: hold both buttons.", "Old batteries go to the recycling point.", "Ask next door for the pressure washer.",
	}
}

func seedRemarks() []string {
	return []string{
		"All good.", "Took longer than planned.", "Replaced the seal as well.", "Filter was nearly black.", "Used the last spare part.",
		"Next time with the longer hose.", "Slight rust, keep an eye on it.", "Done together with the neighbours.", "Contractor came on time.",
		"Paid in cash, receipt in the folder.", "No leak any more.", "Water pressure is back to normal.", "Still a bit noisy.",
		"Battery level 82 percent.", "Two screws are missing.", "Had to order a part first.", "Smells fresh again.", "Quick job this time.",
		"The handle is loose, made a task of it.", "Warranty covers it until next spring.", "Reading noted in the book.", "Nothing found.",
	}
}

func seedFirms() []string {
	return []string{"& Sons", "& Daughters", "Services", "Brothers", "Ltd", "GmbH", "Home Care", "and Partner", "Workshop", "24"}
}

// writer makes text from the words with one source of chance. It is not safe
// for concurrent use.
type writer struct {
	*dice
	chores                                        []chores
	cities                                        []city
	streets, kinds, homes, first, last            []string
	rooms, brands, reasons, steps, remarks, firms []string
}

func newWriter(d *dice) *writer {
	return &writer{
		dice: d, chores: seedChores(), cities: seedCities(), streets: seedStreets(), kinds: seedStreetKinds(), homes: seedHomes(),
		first: seedFirstNames(), last: seedLastNames(), rooms: seedRooms(), brands: seedBrands(),
		reasons: seedReasons(), steps: seedSteps(), remarks: seedRemarks(), firms: seedFirms(),
	}
}

func (w *writer) person() string { return w.pick(w.first) + " " + w.pick(w.last) }

func (w *writer) street() string {
	return strconv.Itoa(1+w.below(240)) + " " + w.pick(w.streets) + " " + w.pick(w.kinds)
}

// pattern replaces # by a digit and @ by a letter.
func (w *writer) pattern(p string) string {
	b := []byte(p)
	for i, c := range b {
		switch c {
		case '#':
			b[i] = "0123456789"[w.below(10)]
		case '@':
			b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[w.below(26)]
		}
	}
	return string(b)
}

func (w *writer) title(c chores) string {
	t := w.pick(c.verbs) + " " + w.pick(c.objects)
	switch w.below(6) {
	case 0, 1, 2:
		t += " in the " + w.pick(w.rooms)
	case 3:
		t += " (" + w.pick(w.brands) + ")"
	case 4:
		t += ", " + w.pick(w.rooms) + ", no. " + strconv.Itoa(1+w.below(9))
	}
	return t
}

func (w *writer) description() string {
	var parts []string
	for range w.below(4) {
		parts = append(parts, w.pick(w.steps))
	}
	if w.chance(50) {
		parts = append(parts, w.pick(w.reasons))
	}
	if w.chance(15) {
		parts = append(parts, "Model "+w.pick(w.brands)+" "+w.pattern("@@-####")+", bought "+strconv.Itoa(2009+w.below(16))+".")
	}
	return strings.Join(parts, " ")
}

func (w *writer) remark() string {
	if !w.chance(30) {
		return ""
	}
	r := w.pick(w.remarks)
	if w.chance(30) {
		r += " " + w.pick(w.remarks)
	}
	return r
}
