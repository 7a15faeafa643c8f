// Package slipway holds the nouns of Slipway: what its rooms talk about when
// they talk to each other. It imports the standard library alone and does no
// input or output.
//
// A noun is a plain struct. Its resource name, as the API spells it, comes from
// its Name method ("projects/shop/releases/release_20261122-RC00"); its
// identifiers are stored without the collection prefix ("shop"). Times are UTC.
// Validate methods say what is wrong in words for the person who typed it.
//
// Internal/arch holds the rule of who may import whom; ARCHITECTURE.md draws it.
package slipway
