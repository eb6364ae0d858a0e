import type { ReactNode } from 'react';
import classes from './table.module.css';

export interface Column<Row> {
  readonly name: string;
  /** Left out where the screen is small. */
  readonly isExtra?: boolean;
  readonly align?: 'end';
  cell(row: Row): ReactNode;
}

/** Rows of equal things. The first column names the row. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}) {
  const classOf = ({ isExtra, align }: Column<Row>) =>
    `${isExtra ? classes['extra'] : ''} ${align === 'end' ? classes['end'] : ''}`;
  return (
    <div className={classes['scroll']}>
      <table className={classes['table']}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={classOf(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} className={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What names a row, and in small type what else is to be known of it. */
export function TwoLines({ first, second }: { first: ReactNode; second: ReactNode }) {
  return (
    <div className={classes['lines']}>
      <div>{first}</div>
      <small>{second}</small>
    </div>
  );
}

/** What can be done with a row. */
export function RowActions({ children }: { children: ReactNode }) {
  return <div className={classes['actions']}>{children}</div>;
}
