const side = 512; // pixels

/** A picture cut to a square and drawn anew: small, without what the file says besides (place, camera). Null: it is no picture that the browser reads. */
export async function squared(file: Blob): Promise<Blob | null> {
    const image = await createImageBitmap(file).catch(() => null);
    if (!image) return null;
    const from = Math.min(image.width, image.height);
    const to = Math.min(side, from);
    const canvas = new OffscreenCanvas(to, to);
    canvas.getContext("2d")!.drawImage(image, (image.width - from) / 2, (image.height - from) / 2, from, from, 0, 0, to, to);
    image.close();
    return canvas.convertToBlob({ type: "image/png" });
}
