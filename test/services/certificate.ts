import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key and its self-signed certificate for 127.0.0.1, valid for a day, in a folder of their own. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly pem: string;
  remove(): void;
}

export function makeCertificate(openssl: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-certificate-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const subject = ['-subj', '/CN=switchyard-test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  execFileSync(openssl, ['req', '-x509', ...key, '-out', certFile, ...subject], { stdio: 'ignore' });
  const pem = readFileSync(certFile, 'utf8');
  return { certFile, keyFile, pem, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
