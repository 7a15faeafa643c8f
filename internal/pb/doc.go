// Package pb holds the wire types of the public contract, proto/, generated
// and never edited but for this comment: clients of the existing API speak
// bytebase.v1, what is ours alone is slipway.v1. Only the faces that talk that
// contract import it; the rest of the program talks in the nouns of package
// slipway. To change something here, change proto/ and run make generate.
package pb
