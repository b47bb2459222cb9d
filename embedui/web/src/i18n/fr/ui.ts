/** The design system's components. */
export const ui = {
    part: {
        loading: "Un instant…",
        failed: "Cette partie de la messagerie n’a pas pu être chargée. Vérifiez votre connexion, puis réessayez. Si la messagerie vient d’être mise à jour, rechargez la page.",
        retry: "Réessayer",
        reload: "Recharger la page",
    },
};
