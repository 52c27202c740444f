// What the machine itself has to have: found out first and all at once, so that nobody waits for
// one install only to hear of the next thing that is missing.
import { readdirSync } from 'node:fs';
import { findProgram, run, runOrFail } from './programs.mjs';

// The oldest that ESLint runs on. `crc32` of `node:zlib` is there from 20.15 on.
const OLDEST_NODE = [20, 19];
const CHROMIUM = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const PYTHON = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
// Debian's `python3 -m venv` stands without python3-venv, and fails when it comes to pip.
const PYTHON_IS_USABLE = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';

/** @returns {string | undefined} the Chromium that the tests drive */
export const findChromium = () => CHROMIUM.map(findProgram).find(Boolean);

/** @returns {Promise<string | undefined>} a Python of 3.10 or later that can make environments */
export async function findPython() {
  for (const program of [...PYTHON, 'python'].map(findProgram).filter(Boolean)) {
    const { code } = await run(program, ['-c', PYTHON_IS_USABLE], { quiet: true });
    if (code === 0) return program;
  }
  return undefined;
}

/**
 * One thing the system has to have: how to find it, and the packages that bring it.
 * @typedef {{what: string, isThere: () => unknown, apt: string[], dnf: string[], brew: string[]}} Need
 */

/** @type {Record<'compiler' | 'python' | 'chromium' | 'kerberos', Need>} */
const NEEDS = {
  compiler: {
    what: 'a C++ compiler and make (SQLite for the extension is compiled from source)',
    isThere: () =>
      process.platform === 'win32' ||
      (['c++', 'g++', 'clang++'].some(findProgram) && findProgram('make')),
    apt: ['build-essential'],
    dnf: ['gcc-c++', 'make'],
    brew: [],
  },
  python: {
    what: 'Python 3.10 or later with venv and pip',
    isThere: findPython,
    apt: ['python3', 'python3-venv'],
    dnf: ['python3', 'python3-pip'],
    brew: ['python'],
  },
  chromium: {
    what: 'Chromium (the end-to-end tests drive it)',
    isThere: findChromium,
    apt: ['chromium'],
    dnf: ['chromium'],
    brew: ['--cask', 'chromium'],
  },
  kerberos: {
    what: 'the headers of Kerberos (the browser VS Code is compiled with them)',
    isThere: () => process.platform !== 'linux' || hasHeader('gssapi/gssapi.h'),
    apt: ['libkrb5-dev'],
    dnf: ['krb5-devel'],
    brew: [],
  },
};

/**
 * Makes sure that the system has what is needed: installs it with apt when root, otherwise prints
 * the command that does and stops.
 * @param {(keyof typeof NEEDS)[]} names
 * @throws {Error} that says what is missing and how to get it
 */
export async function ensureSystem(names) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Error(
      `Node ${OLDEST_NODE.join('.')} or later is needed; this is ${process.version}.`,
    );
  }
  let missing = await lacking(names);
  if (missing.length === 0) return;
  console.log(['This machine lacks:', ...missing.map((need) => `  - ${need.what}`)].join('\n'));
  if (findProgram('apt-get') && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await runOrFail('apt-get', ['update', '-q'], { env });
    const packages = missing.flatMap((need) => need.apt);
    await runOrFail('apt-get', ['install', '-y', '-q', ...packages], { env });
    missing = await lacking(names);
    if (missing.length === 0) return;
  }
  throw new Error(`Please install it, then run this again:\n  ${installCommand(missing)}`);
}

async function lacking(names) {
  const missing = [];
  for (const name of names) {
    if (!(await NEEDS[name].isThere())) missing.push(NEEDS[name]);
  }
  return missing;
}

/** @param {Need[]} missing */
function installCommand(missing) {
  const packages = (manager) => missing.flatMap((need) => need[manager]).join(' ');
  if (findProgram('apt-get')) {
    return `sudo apt-get update && sudo apt-get install -y ${packages('apt')}`;
  }
  if (findProgram('dnf')) return `sudo dnf install -y ${packages('dnf')}`;
  if (process.platform === 'darwin') {
    const tools = missing.includes(NEEDS.compiler) ? ['xcode-select --install'] : [];
    // Each by itself: `--cask` would hold for all.
    const brewed = missing.filter(({ brew }) => brew.length > 0);
    return [...tools, ...brewed.map(({ brew }) => `brew install ${brew.join(' ')}`)].join('\n  ');
  }
  return missing.map((need) => need.what).join('; ');
}

function hasHeader(name) {
  const [folder, file] = name.split('/');
  return ['/usr/include', '/usr/local/include'].some((place) => {
    try {
      return readdirSync(`${place}/${folder}`).includes(file);
    } catch {
      return false;
    }
  });
}
