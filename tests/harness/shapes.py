"""A database of places and plans: geographies and geometries of every kind, those that OData has no words for, and functions that take and return them."""

READER = "shape_reader"
GIS = '"Gis Tools"'
"""The schema of PostGIS."""
BERLIN = "geography'SRID=4326;Point(13.4 52.5)'"
SQUARE = "POLYGON((13 52,14 52,14 53,13 53,13 52))"

PLACES = f"""
CREATE SCHEMA world; CREATE SCHEMA {GIS}; CREATE EXTENSION postgis SCHEMA {GIS}; SET search_path = world, {GIS};
CREATE DOMAIN world.spot AS geography(Point, 4326);
CREATE TYPE world.address AS (street text, spot geography(Point, 4326));
CREATE TABLE world.place (
  id int PRIMARY KEY, name text, spot geography(Point, 4326) NOT NULL, area geography(Polygon, 4326), route geography(LineString, 4326), high geography(PointZ, 4326),
  anything geography, home world.address, other world.spot
);
INSERT INTO world.place VALUES
 (1, 'Berlin', 'POINT(13.4 52.5)', '{SQUARE}', 'LINESTRING(13 52,14 53)', 'POINT Z (1 2 3)', 'POINT(1 2)', ROW('Main St', 'POINT(5 6)'), 'POINT(7 8)'),
 (2, 'Paris', 'POINT(2.35 48.85)', NULL, NULL, NULL, 'SRID=4269;LINESTRING(0 0,1 1)', ROW('No St', NULL), NULL),
 (3, 'Rome', 'POINT(12.5 41.9)', 'POLYGON EMPTY', 'LINESTRING EMPTY', 'POINT Z EMPTY', 'GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))', NULL, NULL),
 (4, 'Nowhere', 'POINT EMPTY', NULL, NULL, NULL, 'MULTIPOINT(1 2,3 4)', NULL, NULL),
 (5, 'No number', st_makepoint('NaN', 1)::geography, NULL, NULL, NULL, 'GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 2)))', NULL, NULL),
 (6, 'Digits', 'POINT(0.1234567890123456 0.000000012345678901234567)', NULL, NULL, NULL, 'POLYGON((0 0,3 0,3 3,0 0),(1 0.2,2 0.2,2 1,1 0.2))', NULL, NULL);
CREATE TABLE world.visit (id int PRIMARY KEY, place_id int REFERENCES world.place, at geography(Point, 4326), inside point, within box);
INSERT INTO world.visit VALUES (1, 1, 'POINT(13.41 52.51)', '(1,2)', '((0,0),(1,1))'), (2, 1, NULL, NULL, NULL), (3, 2, 'POINT(2 48)', '(3,4)', NULL);
CREATE TABLE world.plan (
  id int PRIMARY KEY, anything geometry, point geometry(Point, 3857), measured geometry(PointM, 4326), measured_high geometry(PointZM, 4326), polygon geometry(Polygon, 3857),
  points geometry(MultiPoint, 3857), lines geometry(MultiLineString, 3857), polygons geometry(MultiPolygon, 3857), collection geometry(GeometryCollection, 4326),
  curve geometry(CircularString, 4326), of_3857 geometry(Geometry, 3857), no_system geometry(Point), list geometry(Point, 4326)[]
);
INSERT INTO world.plan VALUES
 (1, 'POINT(1 2)', 'SRID=3857;POINT(10 20)', 'SRID=4326;POINTM(1 2 3)', 'SRID=4326;POINT(1 2 3 4)', 'SRID=3857;POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))',
  'SRID=3857;MULTIPOINT(1 2,3 4)', 'SRID=3857;MULTILINESTRING((0 0,3 4),(0 0,0 1))', 'SRID=3857;MULTIPOLYGON(((0 0,4 0,4 4,0 0)))',
  'SRID=4326;GEOMETRYCOLLECTION(MULTIPOINT(1 2,3 4),POINT(1 2 ))', 'SRID=4326;CIRCULARSTRING(0 0,1 1,2 0)', 'SRID=3857;LINESTRING(0 0,3 4)', 'POINT(1 1)',
  ARRAY['SRID=4326;POINT(1 2)'::geometry, NULL]),
 (2, 'SRID=3857;CIRCULARSTRING(0 0,1 1,2 0)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{{}}'),
 (3, 'SRID=4326;POINT(1 2)', 'SRID=3857;POINT(0 0)', NULL, NULL, 'SRID=3857;POLYGON((0 0,1 1,0 1,1 0,0 0))', 'SRID=3857;MULTIPOINT EMPTY', NULL, NULL,
  'SRID=4326;GEOMETRYCOLLECTION EMPTY', NULL, 'SRID=3857;POINT(0 0)', 'SRID=4326;POINT(1 1)', NULL),
 (4, 'TIN(((0 0,1 1,2 0,0 0)))', 'SRID=3857;POINT(-1e300 5)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SRID=3857;POLYGON((0 0,1 1,0 1,1 0,0 0))', NULL, NULL),
 (5, 'POLYHEDRALSURFACE(((0 0,1 1,2 0,0 0)))', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (6, st_makepoint('Infinity', 1), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (7, 'TRIANGLE((0 0,1 1,2 0,0 0))', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (8, 'CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0))', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (9, 'GEOMETRYCOLLECTION(POINT(1 2),COMPOUNDCURVE(CIRCULARSTRING(0 0,1 1,2 0),(2 0,3 0)))', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE world.many (id int PRIMARY KEY, spot geography(Point, 4326), flat geometry(Point, 3857), loose geometry);
INSERT INTO world.many SELECT n, CASE WHEN n % 50 > 0 THEN st_makepoint(n * 7919 % 36000 / 100.0 - 180, n * 104729 % 17900 / 100.0 - 89.5)::geography END,
 st_setsrid(st_makepoint(n * 7919 % 10007, n * 104729 % 10007), 3857), st_setsrid(st_makepoint(n % 100, n / 100), CASE WHEN n % 2 = 0 THEN 4326 ELSE 0 END)
FROM generate_series(1, 6000) AS n;
CREATE INDEX many_spot ON world.many USING gist (spot); CREATE INDEX many_flat ON world.many USING gist (flat); CREATE INDEX many_loose ON world.many USING gist (loose);
CREATE VIEW world.seen AS SELECT id, st_transform(point, 4326) AS here, spot FROM world.plan JOIN world.place USING (id);
CREATE FUNCTION world.near(spot geography, metres float8) RETURNS SETOF world.place STABLE LANGUAGE sql AS 'SELECT * FROM world.place AS p WHERE {GIS}.st_dwithin(p.spot, $1, $2)';
CREATE FUNCTION world.center(place world.place) RETURNS geography STABLE LANGUAGE sql AS 'SELECT $1.spot';
CREATE FUNCTION world.spots() RETURNS TABLE (id int, at geography) STABLE LANGUAGE sql AS 'SELECT id, spot FROM world.place';
CREATE FUNCTION world.first_spot() RETURNS geography(Point, 4326) STABLE LANGUAGE sql AS 'SELECT spot FROM world.place WHERE id = 1';
ANALYZE;
GRANT USAGE ON SCHEMA world, {GIS} TO {READER}; GRANT SELECT ON ALL TABLES IN SCHEMA world TO {READER};
"""
