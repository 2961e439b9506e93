"""The shared training core: from people's answers to a scored model, with no Ray, no MLflow and no plotting."""
