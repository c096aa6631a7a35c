/**
 * Pictures as the service takes them: a JPEG or PNG of less than its most, as a `data:` address. What a phone's camera
 * makes is larger than that, so a picture is drawn anew, smaller; what is told in it besides what is seen (where it was
 * taken) does not come along.
 */

const SIDE_MAX = 1_600;
const QUALITY = 0.85;

/** @param {File} file @returns {Promise<string>} `data:image/jpeg;base64,…`. Rejects if it is no picture. */
export async function pictureOf(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, SIDE_MAX / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return canvas.toDataURL('image/jpeg', QUALITY);
}
