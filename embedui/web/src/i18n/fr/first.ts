/** Every text of the log-in page and of what stands before it. French is the source; words as in USERS.md. */
export const first = {
    common: { cancel: "Annuler", close: "Fermer" },
    opening: {
        title: "Ouverture de votre messagerie…",
        delayed: "Le serveur de la commune ne répond pas encore. Nouvel essai en cours ; vous n’avez rien à faire.",
    },
    unreachable: {
        title: "La messagerie ne répond pas",
        text: "Le serveur de la commune n’a pas répondu. Vérifiez votre connexion à Internet, puis réessayez.",
        retry: "Réessayer",
    },
    failed: {
        title: "La messagerie ne s’est pas ouverte",
        text: "Votre navigateur n’a pas pu ouvrir vos messages. Rechargez la page ; si cela continue, fermez les autres onglets de la messagerie et quittez la navigation privée.",
        retry: "Recharger la page",
    },
    elsewhere: {
        title: "La messagerie est ouverte dans un autre onglet",
        text: "Elle ne peut être utilisée que dans un onglet à la fois. Si vous l’utilisez ici, l’autre onglet se met en pause ; rien n’est perdu.",
        take: "Utiliser ici",
    },
    login: {
        title: "Se connecter",
        user: "Identifiant",
        userHint: "Par exemple prenom.nom",
        password: "Mot de passe",
        show: "Afficher le mot de passe",
        submit: "Se connecter",
        busy: "Connexion en cours…",
        again: "Vous êtes {{user}}. Saisissez votre mot de passe pour retrouver vos messages : ils sont toujours sur cet appareil.",
        forget: "Se déconnecter et effacer les messages de cet appareil",
        insecure:
            "Cette page n’est pas protégée (http). Sans connexion sécurisée, vos messages ne peuvent pas être chiffrés. Ouvrez l’adresse qui commence par https://, ou demandez-la à la personne qui gère la messagerie.",
        reason: {
            expired: "Votre connexion a été fermée sur le serveur. Reconnectez-vous pour continuer.",
        },
        fault: {
            empty: "Il manque l’identifiant ou le mot de passe. Remplissez les deux champs.",
            wrong: "L’identifiant ou le mot de passe n’est pas le bon. Vérifiez les deux, majuscules comprises.",
            slow: "Il y a eu trop d’essais. Attendez une minute, puis réessayez.",
            unreachable: "Le serveur de la commune ne répond pas. Vérifiez votre connexion à Internet, puis réessayez.",
            deactivated: "Ce compte est fermé. Adressez-vous à la personne qui gère la messagerie de votre commune.",
            refused: "Le serveur a refusé la connexion. Vérifiez votre identifiant, par exemple prenom.nom, puis réessayez.",
        },
    },
};
