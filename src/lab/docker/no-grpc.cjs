// In place of the gRPC that dockerode loads (scripts/build). Who would use it fails where the engine's client asks for a part of it.
module.exports = {};
