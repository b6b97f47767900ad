"""Words that invented people, places and employers are made of. None is meant to be anyone.

Several names are words (Rose, Will, May, Page, Church) so that a recognizer has to read the sentence.
"""

WOMEN = (
    "Rose", "May", "Grace", "Hope", "Dawn", "June", "April", "Faith", "Summer", "Joy", "Amara", "Ingrid", "Lucia",
    "Priya", "Mei", "Fatima", "Yolanda", "Bernice", "Thandiwe", "Odalys", "Marguerite", "Keisha", "Svetlana", "Noor",
    "Agnes", "Delphine", "Ximena", "Harriet", "Leilani", "Wanda", "Beatrix", "Rosalind", "Chiara", "Oksana",
)  # fmt: skip
MEN = (
    "Will", "Mark", "Art", "Bill", "Drew", "Grant", "Chase", "Frank", "Rich", "Miles", "Tobias", "Kwame", "Rajiv",
    "Hiroshi", "Emeka", "Anders", "Luis", "Dmitri", "Cedric", "Omar", "Gustavo", "Walter", "Jamal", "Felix",
    "Percival", "Nikhil", "Leopold", "Tariq", "Augustin", "Bao", "Cornelius", "Ezra", "Malik", "Sven",
)  # fmt: skip
LAST = (
    "Page", "Young", "Long", "Price", "Rice", "Field", "Winter", "Sharp", "Church", "Parks", "Hill", "Day", "Noble",
    "Okafor", "Lindqvist", "Marchetti", "Ramanathan", "Delacroix", "Kowalczyk", "Nakashima", "Abernathy", "Villarreal",
    "O'Shaughnessy", "Brightwater", "Fenstermaker", "Petrossian", "Mbeki", "Castellanos", "Haverford", "Zielinski",
    "Thistlewood", "Al-Masri", "Quintero", "Bergstrom", "Nwosu", "Tran", "Whitlock", "Santangelo", "Ferreira",
    "Dunleavy", "Ibarra", "Choudhury", "Lazarus", "Montrose", "Vandermeer", "Achterberg", "Sato", "Pruitt", "Eze",
    "Hollingsworth", "Kaplan", "Moreau", "Stavros", "Yilmaz",
)  # fmt: skip
STREETS = (
    "Larch Street", "Quarry Road", "Old Mill Lane", "Juniper Court", "Ferry Avenue", "Tannery Row", "Cobble Hill Drive",
    "Widgeon Way", "Saltmarsh Boulevard", "Orchard Terrace", "Lantern Street", "Bell Tower Road",
)  # fmt: skip
TOWNS = (
    "Cedar Hollow", "Fairmont Falls", "Pine Ledge", "Greywater", "Elk Prairie", "Harrowgate", "Mossbridge", "Tamarack",
    "Sable Point", "Dunmore Flats", "West Larkin", "Copper Basin", "Millrace", "Osprey Bay",
)  # fmt: skip
STATES = ("OH", "VT", "OR", "NE", "ME", "WI")
HOSPITALS = (
    "Harbor Ridge Medical Center", "St. Brannoc's Hospital", "Mossbridge General", "Tamarack Valley Clinic",
    "Greywater Community Hospital", "Northfold Health", "Quillan Memorial", "Osprey Bay Specialty Group",
)  # fmt: skip
EMPLOYERS = (
    ("Bramwell Paper", "machinist"), ("Halvorsen Freight", "forklift driver"), ("Lark & Finch Bakery", "baker"),
    ("Tidewater Credit Union", "bookkeeper"), ("Ostrander Tool Works", "welder"), ("Pellham Nurseries", "gardener"),
    ("Kestrel Logistics", "dispatcher"), ("Corvane Textiles", "cloth cutter"), ("Dunmore School District", "school aide"),
    ("Blue Anvil Brewing", "line cook"), ("Merrow Dairy", "delivery driver"), ("Ashgrove Insurance", "claims adjuster"),
)  # fmt: skip
SCHOOLS = (
    "Larkin Elementary", "Quarry Road School", "Pine Ledge Academy", "Harrowgate Middle School",
)  # fmt: skip
NURSERIES = ("Saltmarsh Preschool", "Little Lantern Daycare", "Juniper Court Playgroup")
