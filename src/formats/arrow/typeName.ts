import { shorten } from '../shorten';
import type { ArrowType, Field } from './schema';

/**
 * A field's type as people know it from Python, by what pyarrow calls the function that makes it: `int64`,
 * `large_string`, `timestamp[us]`. (https://arrow.apache.org/docs/python/api/datatypes.html)
 */
export function typeName(field: Field): string {
  const name = valueTypeName(field.type, field.children);
  if (field.dictionary === undefined) return shorten(name);
  return shorten(`dictionary<${valueTypeName(field.dictionary.index, [])}, ${name}>`);
}

const units = { SECOND: 's', MILLISECOND: 'ms', MICROSECOND: 'us', NANOSECOND: 'ns' } as const;

function valueTypeName(type: ArrowType, children: readonly Field[]): string {
  const item = (): string => (children[0] === undefined ? '?' : typeName(children[0]));
  const members = (): string =>
    // A struct may have thousands of members, and only the first are ever seen.
    children
      .slice(0, 100)
      .map((child) => `${child.name}: ${typeName(child)}`)
      .join(', ');
  switch (type.kind) {
    case 'null':
      return 'null';
    case 'int':
      return `${type.signed ? 'int' : 'uint'}${type.bits}`;
    case 'float':
      return `float${type.bits}`;
    case 'decimal':
      return `decimal${type.bits}(${type.precision}, ${type.scale})`;
    case 'bool':
      return 'bool';
    case 'utf8':
      return type.large ? 'large_string' : 'string';
    case 'binary':
      return type.large ? 'large_binary' : 'binary';
    case 'utf8View':
      return 'string_view';
    case 'binaryView':
      return 'binary_view';
    case 'fixedBinary':
      return `binary(${type.width})`;
    case 'date':
      return type.unit === 'DAY' ? 'date32' : 'date64';
    case 'time':
      return `time${type.bits}[${units[type.unit]}]`;
    case 'timestamp':
      return `timestamp[${units[type.unit]}${type.timezone === undefined ? '' : `, ${type.timezone}`}]`;
    case 'duration':
      return `duration[${units[type.unit]}]`;
    case 'interval':
      return `interval[${type.unit.toLowerCase()}]`;
    case 'list':
      return `${type.large ? 'large_list' : 'list'}<${item()}>`;
    case 'listView':
      return `${type.large ? 'large_list_view' : 'list_view'}<${item()}>`;
    case 'fixedList':
      return `list<${item()}, ${type.size}>`;
    case 'struct':
      return `struct<${members()}>`;
    case 'map':
      return `map<${(children[0]?.children ?? []).map(typeName).join(', ')}>`;
    case 'union':
      return `${type.dense ? 'dense_union' : 'sparse_union'}<${members()}>`;
    case 'runEndEncoded':
      return `run_end_encoded<${children.map(typeName).join(', ')}>`;
    case 'unknown':
      return `type ${type.id}`;
    default:
      return type satisfies never;
  }
}

/** Numbers are read from their last digit. */
export function alignment(field: Field): 'left' | 'right' {
  if (field.dictionary !== undefined) return 'left';
  return ['int', 'float', 'decimal', 'duration'].includes(field.type.kind) ? 'right' : 'left';
}
