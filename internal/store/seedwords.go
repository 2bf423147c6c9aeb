package store

// The words of seeded text. Hundreds of distinct parts, so that compressing a
// board or a list gives the figures that real text would.

type city struct{ name, country, zone, postal string }

func seedCities() []city {
	return []city{
		{"Berlin", "Germany", "Europe/Berlin", "1####"},
		{"Hamburg", "Germany", "Europe/Berlin", "2####"},
		{"Nuremberg", "Germany", "Europe/Berlin", "9####"},
		{"Vienna", "Austria", "Europe/Vienna", "1###"},
		{"Zurich", "Switzerland", "Europe/Zurich", "8###"},
		{"Paris", "France", "Europe/Paris", "750##"},
		{"Lyon", "France", "Europe/Paris", "690##"},
		{"Madrid", "Spain", "Europe/Madrid", "280##"},
		{"Lisbon", "Portugal", "Europe/Lisbon", "1###-###"},
		{"Porto", "Portugal", "Europe/Lisbon", "4###-###"},
		{"Dublin", "Ireland", "Europe/Dublin", "D## @###"},
		{"London", "United Kingdom", "Europe/London", "SE# #@@"},
		{"Leeds", "United Kingdom", "Europe/London", "LS# #@@"},
		{"Oslo", "Norway", "Europe/Oslo", "0###"},
		{"Stockholm", "Sweden", "Europe/Stockholm", "11# ##"},
		{"Helsinki", "Finland", "Europe/Helsinki", "00###"},
		{"Warsaw", "Poland", "Europe/Warsaw", "0#-###"},
		{"Athens", "Greece", "Europe/Athens", "1## ##"},
		{"New York", "United States", "America/New_York", "100##"},
		{"Boston", "United States", "America/New_York", "021##"},
		{"Atlanta", "United States", "America/New_York", "303##"},
		{"Chicago", "United States", "America/Chicago", "606##"},
		{"Austin", "United States", "America/Chicago", "787##"},
		{"Minneapolis", "United States", "America/Chicago", "554##"},
		{"Denver", "United States", "America/Denver", "802##"},
		{"Boise", "United States", "America/Boise", "837##"},
		{"Phoenix", "United States", "America/Phoenix", "850##"},
		{"Portland", "United States", "America/Los_Angeles", "972##"},
		{"Seattle", "United States", "America/Los_Angeles", "981##"},
		{"Anchorage", "United States", "America/Anchorage", "995##"},
		{"Honolulu", "United States", "Pacific/Honolulu", "968##"},
		{"Toronto", "Canada", "America/Toronto", "M#@ #@#"},
		{"Vancouver", "Canada", "America/Vancouver", "V#@ #@#"},
		{"St. John's", "Canada", "America/St_Johns", "A#@ #@#"},
		{"Mexico City", "Mexico", "America/Mexico_City", "06###"},
		{"São Paulo", "Brazil", "America/Sao_Paulo", "01###-###"},
		{"Buenos Aires", "Argentina", "America/Argentina/Buenos_Aires", "C1###@@@"},
		{"Cape Town", "South Africa", "Africa/Johannesburg", "8###"},
		{"Mumbai", "India", "Asia/Kolkata", "4000##"},
		{"Kathmandu", "Nepal", "Asia/Kathmandu", "446##"},
		{"Singapore", "Singapore", "Asia/Singapore", "######"},
		{"Tokyo", "Japan", "Asia/Tokyo", "1##-00##"},
		{"Sydney", "Australia", "Australia/Sydney", "20##"},
		{"Adelaide", "Australia", "Australia/Adelaide", "50##"},
		{"Auckland", "New Zealand", "Pacific/Auckland", "10##"},
		{"Kiritimati", "Kiribati", "Pacific/Kiritimati", "KI####"},
	}
}

func seedStreets() []string {
	return []string{
		"Acacia", "Alder", "Bakery", "Beech", "Bellevue", "Birch", "Bishop", "Bridge", "Canal", "Castle", "Cedar", "Chapel",
		"Cherry", "Chestnut", "Church", "Clover", "Dale", "Dock", "Eastern", "Elm", "Falcon", "Fern", "Foundry", "Garden",
		"Grange", "Grove", "Harbour", "Hawthorn", "Hazel", "Heather", "Hill", "Holly", "Ivy", "Juniper", "Kestrel", "King",
		"Lake", "Larch", "Laurel", "Lavender", "Lilac", "Linden", "Magnolia", "Maple", "Market", "Meadow", "Mill", "Mulberry",
		"North", "Oak", "Orchard", "Park", "Pine", "Poplar", "Quarry", "Queen", "Railway", "River", "Rose", "Rowan", "School",
		"Silver", "Spring", "Spruce", "Station", "Sycamore", "Thistle", "Tower", "Union", "Valley", "Victoria", "Walnut",
		"Water", "Western", "Willow", "Windmill", "Woodland", "Yew",
	}
}

func seedStreetKinds() []string {
	return []string{"Street", "Road", "Lane", "Avenue", "Close", "Court", "Way", "Place", "Row", "Terrace", "Crescent", "Drive"}
}

func seedHomes() []string {
	return []string{
		"Home", "Our house", "The flat", "Lake cabin", "Mum's house", "Dad's place", "Beach house", "Rental upstairs", "Rental, ground floor",
		"The cottage", "Town house", "Guest house", "The farm", "Workshop", "Holiday flat", "Grandma's", "Old house", "New house",
		"Student flat", "Studio", "Mountain hut", "Office", "The loft", "Garden house", "Number seven", "Corner house",
	}
}

func seedFirstNames() []string {
	return []string{
		"Ada", "Adam", "Aisha", "Alba", "Alex", "Amara", "Ana", "Anders", "Anika", "Anton", "Aroha", "Arun", "Ben", "Bianca", "Bruno",
		"Camila", "Carla", "Chen", "Clara", "Cyrus", "Dana", "Daniel", "Diego", "Dora", "Elena", "Elias", "Emeka", "Emma", "Erik",
		"Esther", "Eva", "Farid", "Felix", "Fiona", "Franz", "Freya", "Georg", "Gita", "Grace", "Hana", "Hugo", "Ida", "Ines", "Ingrid",
		"Ivan", "Jack", "Jana", "Javier", "Jonas", "Jun", "Kaia", "Karim", "Kate", "Kenji", "Lars", "Laura", "Leila", "Leo", "Lina",
		"Luca", "Lucy", "Maja", "Marco", "Maria", "Mateo", "Max", "Mei", "Mia", "Milan", "Mira", "Nadia", "Nico", "Nina", "Noah", "Nora",
		"Olga", "Omar", "Oscar", "Paula", "Pedro", "Petra", "Priya", "Quinn", "Rafael", "Ravi", "Rosa", "Ruth", "Samir", "Sara", "Selma",
		"Sofia", "Sven", "Tara", "Theo", "Thomas", "Tomoko", "Uma", "Vera", "Victor", "Wanda", "Yara", "Yusuf", "Zoe", "Zoltan",
	}
}

func seedLastNames() []string {
	return []string{
		"Abbott", "Adeyemi", "Ahmed", "Almeida", "Andersen", "Baker", "Banerjee", "Bauer", "Becker", "Bell", "Bennett", "Berg", "Bianchi",
		"Braun", "Brown", "Campbell", "Carvalho", "Chen", "Clarke", "Cohen", "Costa", "Cruz", "Dahl", "Davies", "Delgado", "Diaz", "Dubois",
		"Edwards", "Engel", "Evans", "Fernandez", "Fischer", "Fraser", "Fuchs", "Garcia", "Gomez", "Gray", "Gupta", "Haas", "Hansen",
		"Harris", "Hoffmann", "Horvat", "Hughes", "Ibrahim", "Ito", "Ivanova", "Jansen", "Jensen", "Jones", "Kaya", "Keller", "Khan", "Kim",
		"King", "Klein", "Kowalski", "Kumar", "Lang", "Larsen", "Lee", "Lopez", "Lund", "Martin", "Mayer", "Meyer", "Moore", "Moreau",
		"Morris", "Mueller", "Murphy", "Nakamura", "Nguyen", "Nielsen", "Novak", "Okafor", "Olsen", "Ortiz", "Osman", "Park", "Patel",
		"Pereira", "Peters", "Petrov", "Quinn", "Ramos", "Reid", "Richter", "Rossi", "Ruiz", "Sato", "Schmidt", "Scott", "Shah", "Silva",
		"Singh", "Smith", "Sokolov", "Suzuki", "Tan", "Taylor", "Torres", "Vogel", "Walker", "Wang", "Weber", "White", "Wilson", "Wolf",
		"Wright", "Yamada", "Young", "Zhang", "Zimmer",
	}
}

func seedRooms() []string {
	return []string{
		"kitchen", "bathroom", "upstairs bathroom", "guest bathroom", "bedroom", "guest room", "nursery", "living room", "dining room",
		"hallway", "stairwell", "attic", "cellar", "laundry room", "utility room", "pantry", "study", "garage", "carport", "workshop",
		"porch", "balcony", "terrace", "conservatory", "back yard", "front garden", "shed", "roof", "boiler room", "driveway",
	}
}

func seedBrands() []string {
	return []string{
		"Bosch", "Siemens", "Miele", "Whirlpool", "LG", "Samsung", "Daikin", "Viessmann", "Vaillant", "Grohe", "Hansgrohe", "Geberit",
		"Kohler", "Moen", "Rheem", "Carrier", "Lennox", "Trane", "Honeywell", "Nest", "Makita", "DeWalt", "Stihl", "Husqvarna", "Gardena",
		"Kärcher", "Dyson", "Velux", "Somfy", "Philips", "Ikea", "Liebherr", "Electrolux", "Beko", "Smeg", "Stiebel Eltron", "Weber", "Toro",
	}
}
