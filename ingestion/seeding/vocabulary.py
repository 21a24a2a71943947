"""The words that invented titles and names are made of."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split("|"))


ADJECTIVES: Final = _words("""
    Amber Ancient Bitter Black Blind Blue Borrowed Bright Broken Burning Careless Cold Copper Crooked Dancing Distant
    Drowned Electric Empty Endless Eleventh Fading Faithful Falling Final Foreign Forgotten Fragile Frozen Gentle Glass
    Golden Gray Hidden Hollow Honest Hungry Idle Invisible Iron Last Leaning Little Lonely Long Lost Lucky Midnight
    Missing Nameless Narrow Northern Open Paper Patient Perfect Quiet Red Restless Rusty Salt Scarlet Second Secret
    Seventh Silent Silver Sleeping Slow Southern Stolen Strange Sudden Sunken Tender Thirsty Unwritten Violet Waking
    Wandering White Wicked Wild Winter Wooden Yellow
""")
NOUNS: Final = _words("""
    Accord Alphabet Archive Arrow Astronomer Autumn Baker Balcony Ballad Bell Bridge Candle Captain Carnival Carpenter
    Cartographer Castle Clock Compass Corridor Countess Crossing Daughter Dawn Detective Divide Doctor Dreamer Driver
    Echo Embassy Envelope Express Fever Fisherman Forest Fortune Gambler Garden Ghost Guest Harbour Harvest Heir
    Hotel Hour Hunter Inheritance Island Judge Key Kingdom Labyrinth Lantern Letter Library Lighthouse Machine Map
    Marathon Mechanic Melody Meridian Messenger Mirror Moon Mountain Museum Neighbour Night Nurse Oath Observatory
    Orchard Orchestra Painter Passenger Pianist Pilot Planet Promise Puppet Rain Reunion Rider River Robot Sailor
    Season Shadow Signal Sister Sky Snow Soldier Station Storm Stranger Summer Tailor Teacher Telegram Theatre Thief
    Tide Tower Train Translator Umbrella Valley Verdict Village Violin Visitor Voyage Wall Watchmaker Wave Wedding
    Whale Widow Window Witness
""")
PLACES: Final = _phrases("""
    Aldermoor|Bari|Belgrade|Bergen|Bologna|Bristol|Cádiz|Cairo|Carthage|Cork|Córdoba|Dakar|Dover|Ferrara|Galway|Genoa|
    Ghent|Göteborg|Graz|Île-Rousse|Izmir|Kraków|La Coruña|Leith|Lima|Lisbon|Łódź|Lucerne|Malmö|Mantua|Marseille|Memphis|
    Montréal|Nairobi|Nantes|Oaxaca|Odessa|Oslo|Palermo|Porto|Pécs|Quito|Ravenna|Reykjavík|Riga|Saint-Malo|Salerno|
    São Tomé|Siena|Split|Szeged|Tangier|Trieste|Turin|Uppsala|Valparaíso|Verona|Vilnius|Yerevan|Zürich
""")

# Openings and endings of one language fit together whatever is drawn, without agreement of gender.
ROMANCE_AND_GERMAN: Final = (
    (
        _phrases("La città|Il mare|La notte|Il giardino|L'isola|Il silenzio|La metà|Il caffè|La virtù|Il perché"),
        _phrases("d'ombra|di vetro|senza fine|dell'inverno|di carta|dopo la pioggia|di nessuno|sotto la neve"),
    ),
    (
        _phrases("L'été|La forêt|Le café|Les élèves|La fenêtre|Le théâtre|L'hôtel|La rivière|Le garçon|Cœur"),
        _phrases("de verre|des loups|à minuit|sans retour|d'après-midi|de papier|en février|de la mariée"),
    ),
    (
        _phrases("El niño|La señora|El corazón|La canción|El otoño|La estación|El jardín|La mañana|El ratón"),
        _phrases("del río|sin sueño|de cristal|en marzo|de papel|sin compás|del capitán|de nadie"),
    ),
    (
        _phrases("Die Brücke|Der Träumer|Das Mädchen|Die Straße|Der König|Das Gehör|Die Lüge|Der Jäger|Großvater"),
        _phrases("aus Glas|ohne Namen|im März|am Ende der Straße|hinter dem Fluss|für zwei|im Schnee|aus Übersee"),
    ),
)

FIRST_NAMES: Final = _words("""
    Ada Agnès Aino Alba Amara Anselm Aurel Beatrix Björn Bruno Carla Cécile Chiara Cosmo Dalia Dario Edda Elio Elsa
    Emeka Enzo Farah Fiona Gaël Greta Hana Hugo Ida Ilse Imre Inês Iris Ivo Jonas Juno Kaito Kamal Lars Leila Leo Lina
    Lorcan Mabel Malik Marta Mateo Mei Mila Nadia Nils Nina Noor Odile Olga Oscar Pádraig Paola Pia Quentin Rafaela
    Ravi René Rosa Ruben Saoirse Sefa Silvio Søren Tessa Theo Uma Valentín Vera Viggo Wanda Yara Yusuf Zelda Zoë
""")
LAST_NAMES: Final = _words("""
    Abara Ahlgren Alderete Almstedt Amato Arkwright Aydin Bellandi Benzoni Bergqvist Birchall Bonnard Brambilla Brisset
    Cardoso Castellari Chandra Corvino Czernik Dallaway Damasio Delacour Demir Dreyfuss Duarte Eastlake Eklund Esposto
    Fairbairn Falk Farkas Fennimore Ferrant Fontaine Galvão Garnier Ghirlanda Grimaud Haddad Halloran Hartwig Hosoda
    Ibarra Ilves Imbert Jarosz Jessop Kaminska Katz Keskinen Kilbride Kovách Kurosu Lacroix Lagos Larkin Lindqvist
    Lovat Macleish Maddox Mancuso Marchetti Marlowe Mbeki Merrow Moravec Nakagawa Navarro Nørgaard Nwosu O'Dara Okafor
    Olmedo Orsini Østby Paleologo Pellerin Petrakis Pinheiro Quist Radley Ramírez Reyes Rinaldi Rosenthal Sabatier
    Saldaña Santoro Sato Schönfeld Serrano Sinclair Sorel Stavros Storm Szabó Takeda Tanaka Thackeray Tiedemann Torres
    Ulrich Underhill Valdés Vance Varga Vasiliou Verlaine Vidal Viola Waldmann Whitlock Winther Xanthos Yamada Yilmaz
    Zamora Zanetti Żak Zimmerlin
""")
STAGE_NAMES: Final = ("$ilver Quinn", "K. C. Ash", "Mr. Ombra", "D. W. Marsh Jr.")
"""Names with the characters that field names of documents do not like."""
