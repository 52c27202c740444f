import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { challenge } from '../../endpoint/Endpoint';
import { readText, replaceText } from './privateFile';
import { endpointsIn, withEndpoint, withoutEndpoint } from './servedStore';
import { CannotSet, type Setting } from './tomlSetting';

/** Milliseconds in which whatever listens on this machine answers. */
const patience = 2000;

/**
 * Writes the line into marimo's configuration of the user. One that an endpoint left which is no more
 * gives way to it.
 * @param port of the endpoint that the line names
 * @returns the number of the line, zero-based.
 * @throws CannotSet where another store is named, that of another window too.
 */
export async function writeLine(file: string, setting: Setting, port: number): Promise<number> {
  const text = await readText(file);
  for (const other of endpointsIn(text)) {
    if (other !== port && (await isServed(other))) throw new CannotSet('another', 'rest');
  }
  const written = withEndpoint(text, setting);
  await replaceText(file, written.text);
  return written.line;
}

/**
 * Takes the line out again, and a file with it that held nothing else; leaves one that another window
 * wrote meanwhile.
 * @param port of the endpoint that the line names; without it, of any that serves no more.
 * @returns whether the file is gone.
 */
export async function takeLineBack(file: string, port?: number): Promise<boolean> {
  const text = await readText(file);
  for (const named of endpointsIn(text)) {
    if (port === undefined ? await isServed(named) : named !== port) return false;
  }
  const rest = withoutEndpoint(text);
  if (rest === text) return false;
  if (rest.trim() === '') {
    await rm(file);
    return true;
  }
  await replaceText(file, rest);
  return false;
}

/** Whether an endpoint listens there: the port of one that ended badly may be another program's by now. */
function isServed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, method: 'HEAD', agent: false, timeout: patience },
      (response) => {
        response.resume();
        resolve(response.headers['www-authenticate'] === challenge);
      },
    );
    asked.on('timeout', () => {
      // Its window may have much to do.
      resolve(true);
      asked.destroy();
    });
    asked.on('error', () => {
      resolve(false);
    });
    asked.end();
  });
}
