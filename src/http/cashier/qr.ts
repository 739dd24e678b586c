import QRCode from 'qrcode';
import { type Html, trusted } from './html.ts';

/** Draws a QR code as inline SVG, always dark on white: scanners need that in a dark page too. Null when it is too long. */
export async function qrSvg(text: string): Promise<Html | null> {
  try {
    return trusted(await QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 }));
  } catch {
    return null;
  }
}
