/** Confirming a device with another one. */
export const verification = {
    verification: {
        byDevice: "Confirmer avec un autre appareil",
        byDeviceWhy: "Ouvrez la messagerie sur un appareil où vous êtes déjà connecté : il vous demandera de comparer sept images.",
        byCode: "Saisir mon code de récupération",
        incoming: "Un nouvel appareil demande à être confirmé",
        images: "Les sept images, dans l’ordre",
        step: {
            asked: "Vous venez de vous connecter sur un autre appareil, et il demande à lire vos messages. Si ce n’est pas vous, annulez et changez votre mot de passe.",
            waiting: "En attente de l’autre appareil… Ouvrez-y la messagerie et acceptez la demande.",
            emoji: "Comparez ces images avec celles de l’autre appareil : elles doivent être les mêmes, dans le même ordre.",
            confirmed: "Répondez maintenant aussi sur l’autre appareil…",
            done: "L’appareil est confirmé : vos anciens messages s’y ouvrent d’eux-mêmes.",
        },
        failed: {
            mismatch: "Les images sont différentes : l’appareil n’a pas été confirmé. Quelqu’un pourrait intercepter vos messages. Recommencez depuis un autre réseau et, si cela se reproduit, prévenez la personne qui gère la messagerie.",
            elsewhere: "La demande a été acceptée sur un autre de vos appareils. Continuez là-bas.",
            timeout: "La demande a expiré. Recommencez en gardant les deux appareils sous les yeux.",
            cancelled: "La demande a été annulée. Rien n’a changé.",
            failed: "La confirmation n’a pas abouti. Vérifiez la connexion des deux appareils, puis recommencez.",
        },
        accept: "Comparer les images",
        same: "Elles sont identiques",
        different: "Elles sont différentes",
        finish: "Terminer",
        end: "Fermer",
    },
};
