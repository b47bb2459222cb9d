/** Confirming a device with another one. */
export const verification = {
    verification: {
        byDevice: "Confirm with another device",
        byDeviceWhy: "Open your messages on a device where you are logged in already: it will ask you to compare seven images.",
        byCode: "Enter my recovery code",
        incoming: "A new device asks to be confirmed",
        images: "The seven images, in order",
        step: {
            asked: "You have just logged in on another device, and it asks to read your messages. If this is not you, cancel and change your password.",
            waiting: "Waiting for the other device… Open your messages there and accept the request.",
            emoji: "Compare these images with those on the other device: they must be the same, in the same order.",
            confirmed: "Now answer on the other device too…",
            done: "The device is confirmed: your earlier messages open there by themselves.",
        },
        failed: {
            mismatch: "The images differ: the device was not confirmed. Somebody might be intercepting your messages. Try again from another network and, if it happens again, tell the person who looks after the messaging service.",
            elsewhere: "The request was accepted on another of your devices. Go on there.",
            timeout: "The request has expired. Start again with both devices before you.",
            cancelled: "The request was cancelled. Nothing has changed.",
            failed: "The confirmation did not succeed. Check that both devices are online, then start again.",
        },
        accept: "Compare the images",
        same: "They are the same",
        different: "They are different",
        finish: "Finish",
        end: "Close",
    },
};
