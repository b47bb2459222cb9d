/** The 64 images of a confirmation by their English names, in the specification's order ("SAS method: emoji"), with what French people call them. */
const french: Record<string, string> = {
    Dog: "Chien", Cat: "Chat", Lion: "Lion", Horse: "Cheval", Unicorn: "Licorne", Pig: "Cochon", Elephant: "Éléphant", Rabbit: "Lapin",
    Panda: "Panda", Rooster: "Coq", Penguin: "Manchot", Turtle: "Tortue", Fish: "Poisson", Octopus: "Poulpe", Butterfly: "Papillon", Flower: "Fleur",
    Tree: "Arbre", Cactus: "Cactus", Mushroom: "Champignon", Globe: "Globe", Moon: "Lune", Cloud: "Nuage", Fire: "Feu", Banana: "Banane",
    Apple: "Pomme", Strawberry: "Fraise", Corn: "Maïs", Pizza: "Pizza", Cake: "Gâteau", Heart: "Cœur", Smiley: "Sourire", Robot: "Robot",
    Hat: "Chapeau", Glasses: "Lunettes", Spanner: "Clé plate", Santa: "Père Noël", "Thumbs Up": "Pouce levé", Umbrella: "Parapluie", Hourglass: "Sablier", Clock: "Horloge",
    Gift: "Cadeau", "Light Bulb": "Ampoule", Book: "Livre", Pencil: "Crayon", Paperclip: "Trombone", Scissors: "Ciseaux", Lock: "Cadenas", Key: "Clé",
    Hammer: "Marteau", Telephone: "Téléphone", Flag: "Drapeau", Train: "Train", Bicycle: "Vélo", Aeroplane: "Avion", Rocket: "Fusée", Trophy: "Trophée",
    Ball: "Ballon", Guitar: "Guitare", Trumpet: "Trompette", Bell: "Cloche", Anchor: "Ancre", Headphones: "Casque", Folder: "Dossier", Pin: "Punaise",
};

/** What an image is called in a language; the English name where there is no other. */
export function emojiName(english: string, language: string): string {
    return (language === "fr" && french[english]) || english;
}

export const known = Object.keys(french);
