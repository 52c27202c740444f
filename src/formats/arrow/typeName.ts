import { shorten } from '../shorten';
import type { ArrowType, Field } from './schema';

/** A field's type as Arrow's JavaScript library names it: `Int64`, `Dictionary<Int32, Utf8>`. */
export function typeName(field: Field): string {
  const name = valueTypeName(field.type, field.children);
  if (field.dictionary === undefined) return shorten(name);
  return shorten(`Dictionary<${valueTypeName(field.dictionary.index, [])}, ${name}>`);
}

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
      return 'Null';
    case 'int':
      return `${type.signed ? 'Int' : 'Uint'}${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'decimal':
      return `Decimal${type.bits}<${type.precision}, ${type.scale}>`;
    case 'bool':
      return 'Bool';
    case 'utf8':
      return type.large ? 'LargeUtf8' : 'Utf8';
    case 'binary':
      return type.large ? 'LargeBinary' : 'Binary';
    case 'utf8View':
      return 'Utf8View';
    case 'binaryView':
      return 'BinaryView';
    case 'fixedBinary':
      return `FixedSizeBinary<${type.width}>`;
    case 'date':
      return type.unit === 'DAY' ? 'Date32<DAY>' : 'Date64<MILLISECOND>';
    case 'time':
      return `Time${type.bits}<${type.unit}>`;
    case 'timestamp':
      return `Timestamp<${type.unit}${type.timezone === undefined ? '' : `, ${type.timezone}`}>`;
    case 'duration':
      return `Duration<${type.unit}>`;
    case 'interval':
      return `Interval<${type.unit}>`;
    case 'list':
      return `${type.large ? 'LargeList' : 'List'}<${item()}>`;
    case 'listView':
      return `${type.large ? 'LargeListView' : 'ListView'}<${item()}>`;
    case 'fixedList':
      return `FixedSizeList<${item()}, ${type.size}>`;
    case 'struct':
      return `Struct<${members()}>`;
    case 'map':
      return `Map<${(children[0]?.children ?? []).map(typeName).join(', ')}>`;
    case 'union':
      return `${type.dense ? 'DenseUnion' : 'SparseUnion'}<${members()}>`;
    case 'runEndEncoded':
      return `RunEndEncoded<${children.map(typeName).join(', ')}>`;
    case 'unknown':
      return `Type ${type.id}`;
    default:
      return type satisfies never;
  }
}

/** Numbers are read from their last digit. */
export function alignment(field: Field): 'left' | 'right' {
  if (field.dictionary !== undefined) return 'left';
  return ['int', 'float', 'decimal', 'duration'].includes(field.type.kind) ? 'right' : 'left';
}
