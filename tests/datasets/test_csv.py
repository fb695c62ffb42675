"""CSV files as people have them: what becomes of each column, and which line and column an error names."""

import json
import math

import numpy as np
import pytest

from glassnet.datasets import CsvSchema, load_csv
from glassnet.errors import ArgumentError, DataError

PETS = """name,age,colour,kind
Rex,3,brown,dog
Tom,1.5,grey,cat
Ina,2,brown,dog
Mia,7,white,cat
"""


@pytest.fixture
def csv_file(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def pets(csv_file):
    return load_csv(csv_file(PETS), "kind", kinds={"name": "ignored"})


def test_numbers_stay_and_categories_become_one_hot(pets):
    assert pets.schema.feature_names == ("age", "colour=brown", "colour=grey", "colour=white")
    np.testing.assert_array_equal(pets.x, [[3, 1, 0, 0], [1.5, 0, 1, 0], [2, 1, 0, 0], [7, 0, 0, 1]])
    assert pets.x.dtype == np.float32


def test_text_labels_become_class_indices_in_sorted_order(pets):
    assert pets.schema.class_names == ("cat", "dog")
    assert pets.y.dtype == np.int32
    assert pets.y.tolist() == [1, 0, 1, 0]


def test_column_kinds_are_recorded(pets):
    assert [(column.name, column.kind) for column in pets.schema.columns] == [
        ("name", "ignored"),
        ("age", "numeric"),
        ("colour", "categorical"),
        ("kind", "categorical"),
    ]


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        (["10", "9", "10", "2"], ("2", "9", "10")),
        (["1.0", "0.0", "1.0", "0.0"], ("0.0", "1.0")),
        (["1.5", "0", "1", "0"], None),
        ([str(number) for number in range(20)], tuple(str(number) for number in range(20))),
        ([str(number) for number in range(21)], None),
        (["yes", "no", "1", "2"], ("1", "2", "no", "yes")),
        (["1_0", "20"], ("20", "1_0")),
    ],
)
def test_few_integers_and_text_are_classes_and_other_numbers_are_targets(csv_file, labels, class_names):
    data = load_csv(csv_file("x,y\n" + "".join(f"0,{label}\n" for label in labels)), "y")
    assert data.schema.class_names == class_names
    if class_names is None:
        assert (data.y.shape, data.y.dtype) == ((len(labels), 1), np.float32)
        assert data.y[:, 0].tolist() == [float(label) for label in labels]
    else:
        assert [class_names[index] for index in data.y] == labels


def test_kinds_overrule_what_the_cells_look_like(csv_file):
    path = csv_file("ticket,class,fare\n1,1,10\n2,3,20\n3,1,20\n")
    data = load_csv(path, "fare", kinds={"ticket": "ignored", "class": "categorical", "fare": "numeric"})
    assert data.x.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert data.y.tolist() == [[10], [20], [20]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiter_is_found_and_quotes_byte_order_mark_and_blank_lines_are_understood(csv_file, delimiter, newline):
    rows = [["weight", '"a, ""b""; c"', "y"], [" 1 ", '"two\nlines"', "0"], [], ["2e1", "x", "1"]]
    text = newline + newline.join(delimiter.join(row) for row in rows)
    data = load_csv(csv_file("\ufeff" + text), "y")
    assert data.schema.feature_names == ("weight", 'a, "b"; c=two\nlines', 'a, "b"; c=x')
    assert data.x.tolist() == [[1, 1, 0], [20, 0, 1]]


def test_file_without_header_has_numbered_columns(csv_file):
    data = load_csv(csv_file("5.1,3.5,setosa\n6.2,2.9,virginica\n"), "column3")
    assert data.schema.feature_names == ("column1", "column2")
    assert data.x.shape == (2, 2)
    other = csv_file("1,2\n", "unlabelled.csv")
    assert data.schema.encode_file(other).tolist() == [[1, 2]]


def test_unnamed_column_gets_its_number(csv_file):
    assert load_csv(csv_file(",a,y\n1,2,0\n2,3,1\n"), "y").schema.feature_names == ("column1", "a")


def test_missing_numbers_become_the_mean_and_missing_categories_zeros_when_asked(csv_file):
    path = csv_file("age,colour,y\n1,red,0\n,blue,1\n3,NA,0\n8,?,1\n")
    data = load_csv(path, "y", missing="mean")
    np.testing.assert_array_equal(data.x, [[1, 0, 1], [4, 1, 0], [3, 0, 0], [8, 0, 0]])
    assert data.schema.encode([{"age": "", "colour": "red"}]).tolist() == [[4, 0, 1]]


def test_schema_encodes_new_rows_with_the_recorded_categories(pets):
    rows = [{"colour": "white", "age": 4}, {"age": "2", "colour": " grey", "name": "new"}]
    assert pets.schema.encode(rows).tolist() == [[4, 0, 0, 1], [2, 0, 1, 0]]
    assert pets.schema.encode([]).shape == (0, 4)


def test_schema_reads_another_file_by_column_name_with_and_without_label(pets, csv_file):
    other = csv_file("kind;colour;extra;age\ncat;white;1;4\n", "other.csv")
    assert pets.schema.encode_file(other).tolist() == [[4, 0, 0, 1]]
    assert pets.schema.load(other).y.tolist() == [0]
    unlabelled = csv_file("colour,age\nwhite,4\n", "unlabelled.csv")
    assert pets.schema.encode_file(unlabelled).tolist() == [[4, 0, 0, 1]]
    with pytest.raises(DataError, match=r"unlabelled\.csv: no column 'kind'"):
        pets.schema.load(unlabelled)


@pytest.mark.parametrize("missing", ["error", "mean"])
def test_schema_survives_json(csv_file, missing):
    schema = load_csv(csv_file(PETS), "kind", missing=missing).schema
    assert CsvSchema.from_config(json.loads(json.dumps(schema.to_config()))) == schema


@pytest.mark.parametrize("config", [{}, {"columns": 3}, {"columns": [{"name": "a", "categories": [], "x": 1}]}])
def test_broken_schema_description_is_refused(config):
    with pytest.raises(DataError, match="description of the CSV columns is broken"):
        CsvSchema.from_config(config)


def test_not_utf8_names_line_byte_and_offset(csv_file):
    path = csv_file("name,y\nAda,1\nRené,2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 3: the file is not UTF-8(?s:.*)byte 0xe9 at offset 16(?s:.*)as UTF-8"):
        load_csv(path, "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n  \n", "the file is empty"),
        ("a,y\n", "no rows below the column names"),
        ("a,y\n1,2\n3,4,5\n", r"data.csv, line 3: a row of another length(?s:.*)2 cells, as in line 1(?s:.*)3 cells"),
        ('a,y\n"x\ny",2\n3\n', "line 4: a row of another length"),
        ('a,y\n1,2\n"open,3\n', "line 3: broken quotes"),
        ("a,a,y\n1,2,3\n", "two columns have the same name"),
        ("y\n1\n2\n", "no column is left to learn from"),
        ("a,b,Y\n1,2,3\n", r"no column 'y' for the label(?s:.*)'a', 'b', 'Y' \(or column1 to column3"),
        ("a,y\n1,0\n,1\n", r"line 3, column 'a': the cell is missing(?s:.*)missing='mean'"),
        ("a,y\n1,0\n2,\n", r"line 3, column 'y': the cell is missing(?s:.*)remove the row"),
        ("a,y\n?,0\n,1\n", r"column 'a': every cell is missing(?s:.*)kinds={'a': 'ignored'}"),
        ("a,y\n1,0\n2,0\nx3,1\n", r"line 4, column 'a': text in a column of numbers(?s:.*)'x3'"),
        ("a,y\n1,0\n2,0\n1e99,1\n", "line 4, column 'a': text in a column of numbers"),
        ("a,y\n1,0\n2,0\ninf,1\n", "line 4, column 'a': text in a column of numbers"),
        ("a,y\n" + "".join(f"n{i},0\n" for i in range(101)), r"column 'a': too many categories(?s:.*)101"),
    ],
)
def test_unusable_file_is_refused_with_line_and_column(csv_file, content, message):
    with pytest.raises(DataError, match=message):
        load_csv(csv_file(content), "y")


def test_number_column_by_decree_refuses_text(csv_file):
    with pytest.raises(DataError, match="line 2, column 'a': not a number"):
        load_csv(csv_file("a,y\nx,0\n"), "y", kinds={"a": "numeric"})


def test_number_column_by_decree_needs_a_number_for_its_mean(csv_file):
    with pytest.raises(DataError, match=r"column 'a': every cell is missing(?s:.*)take the mean"):
        load_csv(csv_file("a,y\n?,0\n"), "y", kinds={"a": "numeric"}, missing="mean")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"missing": "drop"}, "unknown missing"),
        ({"kinds": {"agee": "numeric"}}, "wrong entry in kinds"),
        ({"kinds": {"age": "number"}}, "wrong entry in kinds"),
        ({"kinds": {"kind": "ignored"}}, "the label is not ignored"),
    ],
)
def test_arguments_are_checked(csv_file, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        load_csv(csv_file(PETS), "kind", **arguments)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"age": 1, "colour": "brown"}, {"age": 1}], "row 1: columns are missing"),
        ([{"age": 1, "colour": "gray"}], r"row 0, column 'colour': unknown category(?s:.*)did you mean 'grey'"),
        ([{"age": "old", "colour": "grey"}], "row 0, column 'age': not a number"),
        ([{"age": math.nan, "colour": "grey"}], "row 0, column 'age': the cell is missing"),
    ],
)
def test_new_row_that_does_not_fit_is_refused(pets, rows, message):
    with pytest.raises(DataError, match=message):
        pets.schema.encode(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("age,color\n1,grey\n", r"no column 'colour'(?s:.*)did you mean 'color'"),
        ("age,colour\n1,pink\n", "new.csv, line 2, column 'colour': unknown category"),
    ],
)
def test_new_file_that_does_not_fit_is_refused(pets, csv_file, content, message):
    with pytest.raises(DataError, match=message):
        pets.schema.encode_file(csv_file(content, "new.csv"))


def test_new_file_without_names_needs_the_same_number_of_columns(csv_file):
    schema = load_csv(csv_file("1,2,a\n3,4,b\n"), "column3").schema
    with pytest.raises(DataError, match=r"wrong number of columns(?s:.*)2 columns, or 3 with the label(?s:.*)1"):
        schema.encode_file(csv_file("1\n", "new.csv"))


def test_absent_file_and_folder_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv: the file does not exist"):
        load_csv(tmp_path / "absent.csv", "y")
    with pytest.raises(DataError, match="is a folder"):
        load_csv(tmp_path, "y")


def test_oversized_file_is_refused_before_it_is_read(csv_file, monkeypatch):
    monkeypatch.setattr("glassnet.datasets.csv_table._MAX_BYTES", 10)
    with pytest.raises(DataError, match=r"the file is too large(?s:.*)at most 10 bytes"):
        load_csv(csv_file(PETS), "kind")
