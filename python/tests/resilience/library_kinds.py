"""Cells that hold what libraries make."""

from __future__ import annotations

from tests.resilience.kind import Kind, of

LIBRARY_KINDS = {
    "pipeline": of(
        "{v} = pipeline.make_pipeline(preprocessing.StandardScaler(),"
        " linear_model.Ridge({n} + 1))\n"
        "{v}.fit([[0.0], [1.0], [{n}]], [0, 1, {n}])",
        "{v}.get_params()['ridge__alpha'], {v}.predict([[2.0]]).round(6).tolist()",
        "sklearn.pipeline as pipeline",
        "sklearn.preprocessing as preprocessing",
        "sklearn.linear_model as linear_model",
    ),
    "predicted": Kind("{v} = {of}.predict([[{n}]]).round(6), {n}", needs="pipeline"),
    "forest": of(
        "{v} = ensemble.RandomForestRegressor(3, random_state={n})\n"
        "_ = {v}.fit(np.arange(12).reshape(6, 2), np.arange(6) * {n})",
        "{v}.predict(np.ones((2, 2))).round(6).tolist(), len({v}.estimators_)",
        "sklearn.ensemble as ensemble",
    ),
    "polars frame": of(
        "{v} = pl.DataFrame({{'a': [{n}, None], 'b': [['x'], []],"
        " 'c': pl.Series(['u', 'v{n}'], dtype=pl.Categorical),"
        " 'd': [datetime.date(2020, 1, {n} % 28 + 1), None],"
        " 'e': [decimal.Decimal('{n}.25'), None], 'f': [{{'g': 1}}, {{'g': {n}}}]}})",
        "str({v}.schema), {v}.to_dicts()",
        "polars as pl",
        "datetime",
        "decimal",
    ),
    "lazy frame": of(
        "{v} = pl.LazyFrame({{'a': [{n}, 2, 50]}}).filter(pl.col('a') >= {n})",
        "type({v}).__name__, {v}.collect().to_dicts()",
        "polars as pl",
    ),
    "collected": Kind(
        "{v} = {of}.with_columns(b=pl.col('a') * {n}).collect()",
        "{v}.to_dicts()",
        "lazy frame",
        False,
    ),
    "two levels": of(
        "{v} = pd.DataFrame({{('a', 'x'): [{n}, 2], ('a', 'y'): [None, 1.5]}},"
        " index=pd.MultiIndex.from_tuples([('p', 1), ('q', {n})], names=['s', None]))\n"
        "{v}.attrs['n'] = {n}",
        "{v}.index.names, {v}.to_dict(), {v}.columns.tolist(), {v}.attrs,"
        " {v}.index.dtypes.tolist()",
    ),
    "categories": of(
        "{v} = pd.DataFrame({{'c': pd.Categorical(['a', None, 'b'],"
        " ['b', 'n{n}', 'a'], ordered=True), 'i': pd.array([{n}, None, 1], 'Int64'),"
        " 's': pd.array(['u', None, '{n}'], 'string'),"
        " 'v': pd.arrays.IntervalArray.from_breaks([0, 1, 2, {n} + 3])}})",
        "{v}.c.cat.categories.tolist(), {v}.c.cat.ordered, repr({v}.to_dict()),"
        " {v}.dtypes.map(str).to_dict()",
    ),
    "times": of(
        "{v} = pd.DataFrame({{'t': pd.date_range('2020-03-28', periods=3,"
        " tz='Europe/Paris') + pd.Timedelta(hours={n}),"
        " 'd': pd.to_timedelta([1, {n}, None], unit='h'),"
        " 'p': pd.period_range('2020-01', periods=3, freq='M')}},"
        " index=pd.date_range('2020-01-01', periods=3, freq='7D', name='w'))",
        "repr({v}.to_dict()), {v}.dtypes.map(str).to_dict(), repr({v}.index)",
    ),
    "by quarters": of(
        "{v} = pd.Series([{n}, 2], index=pd.period_range('2020-01', periods=2, freq='Q'))",
        "{v}.to_dict(), repr({v}.index)",
    ),
    "by intervals": of(
        "{v} = pd.DataFrame({{'a': [{n}, 2]}}, index=pd.IntervalIndex.from_breaks("
        "[0, 1, 2], closed='left'))",
        "{v}.to_dict(), repr({v}.index)",
    ),
    "no rows": of(
        "{v} = pd.DataFrame({{'c': pd.Categorical([], ['a', 'n{n}'], ordered=True),"
        " 't': pd.DatetimeIndex([], tz='Europe/Paris')}})",
        "{v}.dtypes.map(str).to_dict(), {v}.c.cat.categories.tolist()",
    ),
    "nothing but zeros": of(
        "{v} = [sparse.eye({n} % 5 + 1, format='csr'),"
        " pd.Series(pd.arrays.SparseArray([0, 0, {n}]))]",
        "{v}[0].toarray().tolist(), {v}[1].tolist(), str({v}[1].dtype)",
        "scipy.sparse as sparse",
    ),
    "enumerated": of(
        "{v} = pl.DataFrame({{'e': pl.Series(['a', None], dtype=pl.Enum(['n{n}', 'a'])),"
        " 'a': pl.Series([[1, 2], [3, {n}]], dtype=pl.Array(pl.Int16, 2))}})",
        "str({v}.schema), {v}.to_dicts()",
        "polars as pl",
    ),
    "arrow table": of(
        "{v} = pa.table({{'a': [{n}, None], 'b': pa.array(['x', 'x']"
        ").dictionary_encode(), 'c': [[{n}], []]}}).replace_schema_metadata("
        "{{'m': '{n}'}})",
        "{v}.schema.to_string(), {v}.to_pydict(), {v}.column('b').num_chunks",
        "pyarrow as pa",
    ),
    "figure": of(
        "{v}, _axes = plt.subplots(figsize=(1, 1))\n"
        "_axes.plot([{n}, 2], label='{n}')\n_axes",
        "[line.get_label() for line in {v}.axes[0].lines]",
        "matplotlib.pyplot as plt",
    ),
    "arrays": of(
        "{v} = {{'m': np.ma.masked_equal([1, {n} % 3], 1), 'r': np.rec.array("
        "[(1, 'a'), ({n}, 'b')], dtype=[('x', int), ('y', 'U2')]),"
        " 'd': np.array(['2020-01-01', 'NaT'], 'M8[D]'), 'f': np.asfortranarray("
        "np.ones((2, {n} % 3 + 1))), 'z': np.float32({n})}}",
        "{v}, {v}['f'].flags.f_contiguous, type({v}['m']).__name__,"
        " {v}['r'].y.tolist(), type({v}['z']).__name__",
    ),
}
